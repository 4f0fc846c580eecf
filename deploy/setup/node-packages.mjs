// The npm packages: whether node_modules is what package-lock.json says, and how it is made so.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';
import { runCommand, SetupError } from './run-command.mjs';

const INSTALLER = fileURLToPath(new URL('installer', import.meta.url));
const CLEAN_INSTALL = ['ci', '--no-audit', '--no-fund'];
const NPM_MAJOR_MIN = 11;
// vitest and mediasoup ask for 22.
const NODE_MAJOR_MIN = 22;

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
 * Whether an npm installs all that we need. It leaves out optional packages (the native parts of others among them)
 * that ask for a newer Node than the one it runs on; and npm 9 deletes the link to Node 24 that it has just made,
 * together with those of Node for other platforms.
 *
 * @param {string | undefined} userAgent as npm gives it to its scripts: "npm/9.2.0 node/v18.20.4 linux x64 …".
 */
export function isInstallerFit(userAgent) {
  const [, npm, node] = /^npm\/(\d+)\S* node\/v(\d+)/.exec(userAgent ?? '') ?? [];
  return Number(npm) >= NPM_MAJOR_MIN && Number(node) >= NODE_MAJOR_MIN;
}

/**
 * Makes node_modules what package-lock.json says.
 *
 * @param {string} root
 * @param {string} cache folder for the npm and the Node that do it where the machine's own are too old.
 * @param {NodeJS.ProcessEnv} env
 * @param {(done: number) => void} onProgress gets the part that is done, 0 to 1.
 */
export async function installNodePackages(root, cache, env, onProgress) {
  const own = { node: env.npm_node_execpath ?? '', npm: env.npm_execpath ?? '' };
  // The Node in node_modules is about to be replaced: it cannot be the one that replaces it.
  const isOwnFit = isInstallerFit(env.npm_config_user_agent) && !own.node.startsWith(join(root, 'node_modules'));
  const installer = isOwnFit ? own : await fetchInstaller(cache, env);
  const { packages } = /** @type {Lockfile} */ (readJson(join(root, 'package-lock.json')));
  const packageCount = Object.keys(packages ?? {}).length;
  let fetched = 0;
  // At log level http, npm tells of every file it fetches.
  await runCommand(installer.node, [installer.npm, ...CLEAN_INSTALL, '--loglevel=http'], {
    cwd: root,
    env: { ...env, PATH: `${dirname(installer.node)}${delimiter}${env.PATH ?? ''}` },
    noise: /^npm http/,
    onLine: (line) => {
      if (/http (fetch|cache) .*\.tgz/.test(line)) onProgress(Math.min(1, ++fetched / packageCount));
    },
  });
}

/**
 * Installs installer/package.json into the cache, with whatever npm there is: it has no native parts to leave out.
 *
 * @param {string} cache
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ node: string, npm: string }>} the paths of Node's binary and of npm's script.
 */
async function fetchInstaller(cache, env) {
  const files = ['package.json', 'package-lock.json'];
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(join(INSTALLER, file)));
  const folder = join(cache, `installer-${hash.digest('hex').slice(0, 12)}`);
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    const unfinished = `${folder}.part`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { recursive: true });
    for (const file of files) copyFileSync(join(INSTALLER, file), join(unfinished, file));
    const args = [...CLEAN_INSTALL, '--ignore-scripts'];
    const noise = /^npm warn ebadengine/i;
    const { npm_execpath: npm, npm_node_execpath: node } = env;
    if (npm && node) await runCommand(node, [npm, ...args], { cwd: unfinished, env, noise });
    else await runCommand('npm', args, { cwd: unfinished, env, noise });
    renameSync(unfinished, folder);
  });
  const modules = join(folder, 'node_modules');
  const binaries = readdirSync(modules).map((name) => join(modules, name, 'bin', 'node'));
  const node = binaries.find((path) => existsSync(path));
  if (node === undefined) throw noNodeError();
  return { node, npm: join(modules, 'npm', 'bin', 'npm-cli.js') };
}

/** What to do where npm carries no Node 24 for this platform. */
export function noNodeError() {
  const { platform, arch, versions } = process;
  return new SetupError(
    `npm has no Node 24 for ${platform} ${arch}, and this is Node ${versions.node}: install Node 24 from https://nodejs.org`,
  );
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
