// What the built call page was built from. Plain JavaScript: the set-up asks before there is a Node that runs TypeScript.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashSources } from '../../deploy/setup/hash-sources.mjs';

const ROOT_DIR = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = ['server/console', 'sdk', 'signaling', 'package-lock.json'];
/** Where the built page lies, and what the server serves at `/`. */
export const CONSOLE_DIST_DIR = fileURLToPath(new URL('./dist', import.meta.url));
const STAMP_FILE = join(CONSOLE_DIST_DIR, '.built-from');

/** @returns {string} */
export function hashPageSources() {
  return hashSources(ROOT_DIR, SOURCES);
}

/** True where the built page is what its sources would give. @returns {boolean} */
export function isPageCurrent() {
  return existsSync(STAMP_FILE) && readFileSync(STAMP_FILE, 'utf8') === hashPageSources();
}

/**
 * Last of a build, which empties the folder first: one that was broken off counts as none.
 *
 * @param {string} hash taken before the build, so that a change during it builds again.
 */
export function stampPage(hash) {
  writeFileSync(STAMP_FILE, hash);
}
