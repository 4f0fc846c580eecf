import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { hashSources } from './hash-sources.mjs';

const roots: string[] = [];

/** A folder with these files, which the test may change. */
function givenRoot(files: Record<string, string>): { hash: () => string; write: (name: string, text: string) => void } {
  const root = mkdtempSync(join(tmpdir(), 'parley-sources-'));
  roots.push(root);
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  return { hash: () => hashSources(root, ['page', 'lock.json']), write };
}

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

const FILES = { 'page/main.ts': 'main', 'page/style/a.css': 'a', 'lock.json': '{}' };

describe('the hash of sources', () => {
  it('is the same wherever the repository lies', () => {
    expect(givenRoot(FILES).hash()).toBe(givenRoot(FILES).hash());
  });

  it.each([
    ['page/main.ts', 'other'],
    ['page/style/b.css', 'new'],
    ['lock.json', '{"a":1}'],
  ])('changes with %s', (name, text) => {
    const { hash, write } = givenRoot(FILES);
    const before = hash();
    write(name, text);
    expect(hash()).not.toBe(before);
  });

  it.each(['page/main.test.ts', 'page/view.test.tsx', 'page/testing/host.ts', 'page/dist/index.html', 'other.ts'])(
    'does not change with %s',
    (name) => {
      const { hash, write } = givenRoot(FILES);
      const before = hash();
      write(name, 'x');
      expect(hash()).toBe(before);
    },
  );
});
