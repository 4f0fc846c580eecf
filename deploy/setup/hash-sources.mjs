// Tells whether something that was made from the project's own files is still what they would give.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Leaves out what was built, and what only tests read.
 *
 * @param {string} root the repository's folder.
 * @param {readonly string[]} sources files and folders, relative to it; one that is not there counts as empty.
 * @returns {string} the same wherever the repository lies.
 */
export function hashSources(root, sources) {
  const hash = createHash('sha256');
  /** @param {string} source */
  const add = (source) => {
    const path = join(root, source);
    if (/\.test\.tsx?$|\/(dist|testing)$/.test(source) || !existsSync(path)) return;
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(`${source}/${name}`);
    else hash.update(`${source}\0`).update(readFileSync(path));
  };
  sources.forEach(add);
  return hash.digest('hex');
}
