import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { demandSpace } from './kept-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-cache-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('space for what is about to be written', () => {
  it('is there for what fits, in a directory that is not there yet', () => {
    expect(() => demandSpace(join(folder, 'not/yet'), 1000)).not.toThrow();
  });

  it('is refused with what it takes and what is free, before anything is written', () => {
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    expect(() => demandSpace(join(folder, 'not/yet'), free)).toThrow(
      expect.objectContaining({
        code: 'CACHE_DISK_FULL',
        message: expect.stringMatching(/needs [\d.]+ GB, [\d.]+ GB are free$/),
      }),
    );
  });
});
