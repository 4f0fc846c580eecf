// Plain JavaScript for Node 18: the set-up reads it before anything else is there.
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where what can be made or fetched again is kept between starts: models, graphs, mediasoup's worker.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string} `parley` in `$XDG_CACHE_HOME` or `~/.cache`
 */
export function cacheFolder(env) {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'parley');
}
