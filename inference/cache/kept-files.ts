import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync, statfsSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InferenceError } from '../errors.ts';

/** What the cache holds of ours, by name: graphs, generated models, hashes. Nothing else in there is touched. */
const KEPT = /^(?:(?:duplex|lm|encoder|decoder|temporal|depformer)-[0-9a-f]{24}|untrained-[\w-]+|hash-[0-9a-f]{64})$/;
/** A model that somebody tries again after a month is loaded slowly once. */
const UNUSED_DAYS_MAX = 30;
const DAY_MS = 86_400_000;
/** Left for everything else that writes to the disk. */
const SPARE_BYTES = 256 * 2 ** 20;

/** Notes that something in the cache was used, so that `removeUnused` leaves it. */
export function markUsed(path: string, nowMs = Date.now()): void {
  try {
    utimesSync(path, nowMs / 1000, nowMs / 1000);
  } catch {
    // Not ours to write to: then it is not ours to remove either.
  }
}

/** Removes what nobody has used for a month: the graphs of a model, or of a release, that is no longer run. */
export function removeUnused(cacheDirectory: string, nowMs = Date.now()): void {
  if (!existsSync(cacheDirectory)) return;
  for (const name of readdirSync(cacheDirectory)) {
    const path = join(cacheDirectory, name);
    if (!KEPT.test(name) || nowMs - lastUseMs(path) <= UNUSED_DAYS_MAX * DAY_MS) continue;
    // Moved first: who looks for it just now finds it whole or not at all. A crash leaves a draft, which ages too.
    const doomed = `${path}.${randomUUID()}.draft`;
    try {
      renameSync(path, doomed);
      rmSync(doomed, { recursive: true, force: true });
    } catch {
      // Another process was faster, or it is not ours to remove.
    }
  }
}

/**
 * @param neededBytes about to be written to a directory, which may not be there yet.
 * @throws InferenceError `CACHE_DISK_FULL` where the disk cannot hold them.
 */
export function demandSpace(directory: string, neededBytes: number): void {
  let existing = directory;
  while (!existsSync(existing)) existing = dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes + SPARE_BYTES) return;
  throw new InferenceError('CACHE_DISK_FULL', `${directory} needs ${inGb(neededBytes)}, ${inGb(freeBytes)} are free`);
}

export function inGb(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 1e8 ? 3 : 1)} GB`;
}

function lastUseMs(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    // Moved away meanwhile.
    return Number.POSITIVE_INFINITY;
  }
}
