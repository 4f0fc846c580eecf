import { glob, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { describeErrors, fixOf } from './error-catalogue.ts';

const ROOT = new URL('../', import.meta.url);

describe('docs/errors.md', () => {
  it('lists exactly the codes of every folder: `npm run docs:errors` writes it', async () => {
    const written = await readFile(new URL('docs/errors.md', ROOT), 'utf8');
    expect(written).toBe(describeErrors());
  });
});

describe('what the documents and the errors say to run', () => {
  it('is there: every `npm run NAME` is a script of package.json', async () => {
    const { scripts } = JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8'));
    const documents = await Array.fromAsync(
      glob('{*.md,{docs,benchmarks,signaling,inference}/**/*.md}', { cwd: ROOT }),
    );
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'docs/errors.md', 'benchmarks/call/README.md']));
    for (const document of documents) {
      const text = await readFile(new URL(document, ROOT), 'utf8');
      for (const [, name] of text.matchAll(/npm run ([a-z:-]+)(?![a-zA-Z])/g)) {
        expect(Object.keys(scripts), `${document} names it`).toContain(name);
      }
    }
  });
});

describe('the catalogue', () => {
  it('knows what to do about an error of any folder, and of no other', () => {
    expect(fixOf('NO_CAPACITY')).toContain('slot');
    expect(fixOf('CONFIG_INVALID')).toContain('validate');
    expect(fixOf('ENOENT')).toBeUndefined();
  });
});
