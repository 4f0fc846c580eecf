import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { markUsed } from '../cache/kept-files.ts';
import { sourcesDigest } from '../checkpoint/sources-digest.ts';
import { SMALL } from './dimensions.ts';
import { makeUntrainedCheckpoint } from './make-checkpoint.ts';

const SEED = 1;

/**
 * The checkpoint that answers where none is configured, made on first use.
 *
 * @param cacheDirectory where generated models are kept between starts.
 * @returns its directory.
 */
export async function defaultModelDirectory(cacheDirectory: string): Promise<string> {
  // Another generator makes another model of the same seed.
  const generator = sourcesDigest([import.meta.dirname]).slice(0, 12);
  const directory = join(cacheDirectory, `untrained-small-${SEED}-${generator}`);
  if (existsSync(directory)) markUsed(directory);
  else await makeUntrainedCheckpoint(directory, SMALL, SEED);
  return directory;
}
