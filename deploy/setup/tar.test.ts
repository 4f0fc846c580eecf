import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileInTar } from './tar.mjs';

describe('an archive made by tar', () => {
  const worker = Buffer.alloc(1_300, 'w');
  let folder: string;
  let archive: Buffer;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'parley-tar-'));
    writeFileSync(join(folder, 'README'), 'x'.repeat(513));
    writeFileSync(join(folder, 'worker'), worker);
    archive = execFileSync('tar', ['-cf', '-', 'README', 'worker'], { cwd: folder });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('gives a file that comes after others', () => {
    expect(fileInTar(archive, 'worker')).toEqual(worker);
  });

  it('gives nothing for a file that it does not hold', () => {
    expect(fileInTar(archive, 'other')).toBe(null);
  });

  it('gives nothing when it was cut off in the file', () => {
    expect(fileInTar(archive.subarray(0, 2_048), 'worker')).toBe(null);
  });

  it('gives nothing when it is no archive', () => {
    expect(fileInTar(Buffer.alloc(2_048, '<html>'), 'worker')).toBe(null);
  });
});
