import { writeFile } from 'node:fs/promises';
import { describeErrors } from './error-catalogue.ts';

await writeFile(new URL('../docs/errors.md', import.meta.url), describeErrors());
