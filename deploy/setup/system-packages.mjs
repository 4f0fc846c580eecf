// What Parley needs from the system, how it is recognised, and how it is installed.
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @typedef {import('./platform.mjs').Platform} Platform */
/** @typedef {'run' | 'build-worker' | 'test'} Purpose */
/**
 * @typedef {object} SystemNeed
 * @property {string} name for people
 * @property {Purpose} purpose
 * @property {{ commands?: string[], library?: string, header?: string }} probe there when any of these is found
 * @property {Partial<Record<'apt' | 'dnf' | 'brew', string[]>>} packages
 */

/** @type {SystemNeed[]} */
const SYSTEM_NEEDS = [
  need('libopus', 'run', { library: 'opus' }, { apt: ['libopus0'], dnf: ['opus'], brew: ['opus'] }),
  need('a C++ compiler', 'build-worker', { commands: ['g++'] }, { apt: ['g++'] }),
  need('ninja', 'build-worker', { commands: ['ninja'] }, { apt: ['ninja-build'] }),
  need('flatc', 'build-worker', { commands: ['flatc'] }, { apt: ['flatbuffers-compiler'] }),
  need(
    "flatbuffers' headers",
    'build-worker',
    { header: 'flatbuffers/flatbuffers.h' },
    { apt: ['libflatbuffers-dev'] },
  ),
  need("OpenSSL's headers", 'build-worker', { header: 'openssl/ssl.h' }, { apt: ['libssl-dev'] }),
  need("libuv's headers", 'build-worker', { header: 'uv.h' }, { apt: ['libuv1-dev'] }),
  need("libsrtp's headers", 'build-worker', { header: 'srtp2/srtp.h' }, { apt: ['libsrtp2-dev'] }),
  need(
    'Chromium',
    'test',
    { commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'] },
    { apt: ['chromium'], dnf: ['chromium'] },
  ),
  // Speaks what the tests' caller says.
  need(
    'espeak-ng',
    'test',
    { commands: ['espeak-ng'] },
    { apt: ['espeak-ng'], dnf: ['espeak-ng'], brew: ['espeak-ng'] },
  ),
];

const MAC_BROWSERS = ['Google Chrome', 'Chromium'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);

/**
 * @param {string} name @param {Purpose} purpose @param {SystemNeed['probe']} probe @param {SystemNeed['packages']} packages
 * @returns {SystemNeed}
 */
function need(name, purpose, probe, packages) {
  return { name, purpose, probe, packages };
}

/**
 * The needs of some purposes that are not met.
 *
 * @param {Purpose[]} purposes
 * @param {(need: SystemNeed) => boolean} isThere
 */
export function missingNeeds(purposes, isThere) {
  return SYSTEM_NEEDS.filter((need) => purposes.includes(need.purpose) && !isThere(need));
}

/**
 * The commands, without sudo, that install what is missing.
 *
 * @param {SystemNeed[]} needs
 * @param {Platform} platform
 * @returns {{ commands: string[][], unavailable: SystemNeed[] }} `unavailable`: what this system has no package for.
 */
export function installCommands(needs, { packageManager, hasChromiumPackage }) {
  /** @type {string[]} */
  const packages = [];
  const unavailable = [];
  for (const wanted of needs) {
    const named = packageManager === null ? undefined : wanted.packages[packageManager];
    if (named === undefined || (wanted.name === 'Chromium' && !hasChromiumPackage)) unavailable.push(wanted);
    else packages.push(...named);
  }
  return { commands: packages.length === 0 ? [] : commandsFor(packageManager, packages), unavailable };
}

/** @param {Platform['packageManager']} manager @param {string[]} packages */
function commandsFor(manager, packages) {
  if (manager === 'apt') {
    const install = ['apt-get', 'install', '-y', '--no-install-recommends', ...packages];
    return [['apt-get', 'update'], install];
  }
  return manager === 'dnf' ? [['dnf', 'install', '-y', ...packages]] : [['brew', 'install', ...packages]];
}

/**
 * How far an apt-get is that was started with `-o APT::Status-Fd=1`, 0 to 1: first all is downloaded, then installed.
 *
 * @param {string} line of its output
 * @returns {number | null} null where the line does not tell.
 */
export function aptProgress(line) {
  const [, stage, percent] = /^(dl|pm)status:[^:]*:([\d.]+):/.exec(line) ?? [];
  return percent === undefined ? null : ((stage === 'pm' ? 100 : 0) + Number(percent)) / 200;
}

/**
 * Whether this machine has what is needed.
 *
 * @param {SystemNeed} wanted
 * @param {NodeJS.ProcessEnv} env
 */
export function isNeedMet({ name, probe }, env) {
  if (probe.library !== undefined) return findLibrary(probe.library, env) !== null;
  const { header } = probe;
  if (header !== undefined) {
    const folders = ['/usr/include', '/usr/local/include', ...multiarch('/usr/include')];
    return folders.some((folder) => existsSync(join(folder, header)));
  }
  return (name === 'Chromium' ? findChromium(env) : findCommand(probe.commands ?? [], env)) !== null;
}

/**
 * @param {string[]} names
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | null} the path of the first command that is on the PATH.
 */
export function findCommand(names, env) {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable) ?? null;
}

/** The browser that tests drive: $CHROMIUM, or the first that is installed. @param {NodeJS.ProcessEnv} env */
export function findChromium(env) {
  if (env.CHROMIUM) return env.CHROMIUM;
  const chromium = SYSTEM_NEEDS.find((wanted) => wanted.name === 'Chromium');
  return findCommand(chromium?.probe.commands ?? [], env) ?? MAC_BROWSERS.find(isExecutable) ?? null;
}

/**
 * @param {string} name without `lib` and suffix; the ABI looked for is 0.
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | null} the path of the shared library.
 */
export function findLibrary(name, env) {
  const folders = [
    ...(env.LD_LIBRARY_PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...multiarch('/usr/lib'),
    ...['/usr/lib64', '/usr/lib', '/usr/local/lib', '/opt/homebrew/lib'],
  ];
  const files = [`lib${name}.so.0`, `lib${name}.0.dylib`];
  return folders.flatMap((folder) => files.map((file) => join(folder, file))).find((path) => existsSync(path)) ?? null;
}

/** Debian's folders per architecture. @param {string} folder */
function multiarch(folder) {
  return ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((triplet) => join(folder, triplet));
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
