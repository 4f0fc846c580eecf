import { existsSync } from 'node:fs';
import { join } from 'node:path';
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
  const directory = join(cacheDirectory, `untrained-small-${SEED}`);
  if (!existsSync(directory)) await makeUntrainedCheckpoint(directory, SMALL, SEED);
  return directory;
}
