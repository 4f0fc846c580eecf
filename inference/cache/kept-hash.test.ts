import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashOfFiles } from './kept-hash.ts';

let folder: string;
let cache: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-hash-'));
  cache = join(folder, 'cache');
  writeFileSync(join(folder, 'a'), 'first');
  writeFileSync(join(folder, 'b'), 'second');
});
afterEach(() => rmSync(folder, { recursive: true }));

const paths = () => ['a', 'b'].map((name) => join(folder, name));

describe('the hash of files', () => {
  it('is the same with a cache and without, and read from there the second time', async () => {
    const read = await hashOfFiles(paths(), 'facts');
    expect(await hashOfFiles(paths(), 'facts', cache)).toBe(read);
    const [kept] = readdirSync(cache);
    // Only a reader of the cache can believe this.
    writeFileSync(join(cache, kept!), 'f'.repeat(64));
    expect(await hashOfFiles(paths(), 'facts', cache)).toBe('f'.repeat(64));
  });

  it('is another one for other facts and after any change, be it of equal size and age', async () => {
    const hashes = [await hashOfFiles(paths(), 'facts', cache), await hashOfFiles(paths(), 'other facts', cache)];
    const [a] = paths();
    const { atime, mtime } = statSync(a!);
    writeFileSync(a!, 'FIRST');
    utimesSync(a!, atime, mtime);
    hashes.push(await hashOfFiles(paths(), 'facts', cache));
    writeFileSync(join(folder, 'replacement'), 'fIRST');
    utimesSync(join(folder, 'replacement'), atime, mtime);
    renameSync(join(folder, 'replacement'), a!);
    hashes.push(await hashOfFiles(paths(), 'facts', cache));
    expect(new Set(hashes).size).toBe(4);
  });

  it('is read again where what is kept is no hash, or nothing can be kept', async () => {
    const read = await hashOfFiles(paths(), 'facts', cache);
    const [kept] = readdirSync(cache);
    writeFileSync(join(cache, kept!), 'cut sho');
    expect(await hashOfFiles(paths(), 'facts', cache)).toBe(read);
    // A file stands where the cache would be.
    expect(await hashOfFiles(paths(), 'facts', join(folder, 'b'))).toBe(read);
  });
});
