// The npm packages: whether node_modules is what package-lock.json says, and how it is made so.
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './run-command.mjs';

/** @typedef {{ packages?: Record<string, { version?: string, optional?: boolean, link?: boolean }> }} Lockfile */

/**
 * Whether an installation has everything that the lockfile asks for. Optional packages may be missing: most are the
 * builds of a native package for other platforms.
 *
 * @param {Lockfile} wanted package-lock.json
 * @param {Lockfile} installed node_modules/.package-lock.json, which npm writes when an installation has succeeded
 */
export function isInstalled(wanted, installed) {
  return Object.entries(wanted.packages ?? {}).every(
    ([path, { version, optional }]) => path === '' || optional || installed.packages?.[path]?.version === version,
  );
}

/** @param {string} root the repository's folder */
export function areNodePackagesThere(root) {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  return isInstalled(readJson(join(root, 'package-lock.json')), readJson(installed));
}

/**
 * `npm ci`, with the npm that runs us and the Node that runs it: node_modules/.bin/node is about to be replaced.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {(done: number) => void} onProgress gets the part that is done, 0 to 1.
 */
export async function installNodePackages(root, env, onProgress) {
  const ownBin = join(root, 'node_modules', '.bin');
  const path = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== ownBin);
  // At this level npm tells of every file it fetches.
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=http'];
  const { packages } = /** @type {Lockfile} */ (readJson(join(root, 'package-lock.json')));
  const packageCount = Object.keys(packages ?? {}).length;
  let fetched = 0;
  const onLine = (/** @type {string} */ line) => {
    if (/http (fetch|cache) .*\.tgz/.test(line)) onProgress(Math.min(1, ++fetched / packageCount));
  };
  // What wants a newer Node than the one that installs gets it: the installation brings it.
  const noise = /^npm (warn ebadengine|http)/i;
  const options = { cwd: root, env: { ...env, PATH: path.join(delimiter) }, onLine, noise };
  const { npm_execpath: npm, npm_node_execpath: node } = env;
  if (npm && node && !node.startsWith(ownBin)) await runCommand(node, [npm, ...args], options);
  else await runCommand('npm', args, options);
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
