import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourcesDigest } from '../checkpoint/sources-digest.ts';
import { markUsed } from './kept-files.ts';

/** Part of the key: what another release hashed otherwise is not asked for. */
const ALGORITHM = sourcesDigest([import.meta.dirname]);

/**
 * A hex SHA-256 over files, in their order. Fifteen gigabytes take a minute to read, so with a cache it is read from
 * there while every file still has the size, the inode and the times of change that it had.
 *
 * @param facts part of the hash, before the files.
 * @param cacheDirectory absent: every byte is read.
 */
export async function hashOfFiles(paths: readonly string[], facts: string, cacheDirectory?: string): Promise<string> {
  if (cacheDirectory === undefined) return readAll(paths, facts);
  const identities = paths.map((path) => {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    // The time of the inode's change cannot be set, so a file that was replaced by one of equal size and age shows.
    return [path, dev, ino, size, mtimeNs, ctimeNs].join();
  });
  const key = createHash('sha256')
    .update([ALGORITHM, facts, ...identities].join('\n'))
    .digest('hex');
  const kept = join(cacheDirectory, `hash-${key}`);
  const known = readHash(kept);
  if (known) {
    markUsed(kept);
    return known;
  }
  const hash = await readAll(paths, facts);
  keep(kept, hash, cacheDirectory);
  return hash;
}

async function readAll(paths: readonly string[], facts: string): Promise<string> {
  const hash = createHash('sha256').update(facts);
  for (const path of paths) {
    hash.update(`${statSync(path).size} `);
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

function readHash(path: string): string | undefined {
  try {
    return /^[0-9a-f]{64}$/.exec(readFileSync(path, 'utf8'))?.[0];
  } catch {
    // Not there yet.
    return undefined;
  }
}

function keep(path: string, hash: string, cacheDirectory: string): void {
  try {
    mkdirSync(cacheDirectory, { recursive: true });
    const draft = `${path}.${randomUUID()}.draft`;
    writeFileSync(draft, hash);
    renameSync(draft, path);
  } catch {
    // A cache that cannot be written to costs time at the next start, and nothing else.
  }
}
