import { writeFile } from 'node:fs/promises';
import { describeProtocol } from './describe-protocol.ts';

await writeFile(new URL('PROTOCOL.md', import.meta.url), describeProtocol());
