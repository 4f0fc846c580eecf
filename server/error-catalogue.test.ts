import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { describeErrors, fixOf } from './error-catalogue.ts';

describe('docs/errors.md', () => {
  it('lists exactly the codes of every folder: `npm run docs:errors` writes it', async () => {
    const written = await readFile(new URL('../docs/errors.md', import.meta.url), 'utf8');
    expect(written).toBe(describeErrors());
  });
});

describe('the catalogue', () => {
  it('knows what to do about an error of any folder, and of no other', () => {
    expect(fixOf('NO_CAPACITY')).toContain('slot');
    expect(fixOf('CONFIG_INVALID')).toContain('validate');
    expect(fixOf('ENOENT')).toBeUndefined();
  });
});
