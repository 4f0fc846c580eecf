import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { describeProtocol } from './describe-protocol.ts';

describe('PROTOCOL.md', () => {
  it('is what the schemas give: `npm run docs:protocol` writes it', async () => {
    const written = await readFile(new URL('PROTOCOL.md', import.meta.url), 'utf8');
    expect(written).toBe(describeProtocol());
  });
});
