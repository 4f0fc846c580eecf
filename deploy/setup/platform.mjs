// What kind of machine this is, as far as the set-up has to know it. Pure: everything read is handed in.

/**
 * @typedef {object} Platform
 * @property {'apt' | 'dnf' | 'brew' | null} packageManager null where the set-up knows none
 * @property {boolean} hasChromiumPackage whether the package manager itself carries Chromium: Ubuntu's is a snap
 * @property {string} name for people
 */

// x86-64 without AVX2 is older than 2013 (Intel) or 2015 (AMD), or a virtual machine that hides it.
const NO_AVX2 =
  'This processor has no AVX2: Parley runs, but the model may step slower than speech. Use a newer machine for calls.';
// A machine that is sold with 4 GB reports a little less.
const MEMORY_BYTES_MIN = 3.8e9;

/**
 * @param {NodeJS.Platform} platform process.platform
 * @param {string} osRelease the text of /etc/os-release, empty where there is none
 * @returns {Platform}
 */
export function describePlatform(platform, osRelease) {
  if (platform === 'darwin') return { packageManager: 'brew', hasChromiumPackage: true, name: 'macOS' };
  const values = new Map(
    [...osRelease.matchAll(/^([A-Z_]+)="?([^"\n]*)"?$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']),
  );
  const name = values.get('PRETTY_NAME') || values.get('ID') || platform;
  const families = [values.get('ID') ?? '', ...(values.get('ID_LIKE') ?? '').split(' ')];
  if (platform !== 'linux') return { packageManager: null, hasChromiumPackage: false, name };
  if (families.includes('debian') || families.includes('ubuntu')) {
    return { packageManager: 'apt', hasChromiumPackage: !families.includes('ubuntu'), name };
  }
  if (families.includes('fedora')) return { packageManager: 'dnf', hasChromiumPackage: true, name };
  return { packageManager: null, hasChromiumPackage: false, name };
}

/**
 * What is to be said about a machine on which Parley runs worse than it should: one line each, none where all is well.
 *
 * @param {{ arch: string, cpuInfo: string, memoryBytes: number }} machine `cpuInfo` is the text of /proc/cpuinfo,
 * empty where there is none.
 * @returns {string[]}
 */
export function machineWarnings({ arch, cpuInfo, memoryBytes }) {
  const warnings = [];
  const cpuFlags = /^flags\s*:(.*)$/m.exec(cpuInfo)?.[1];
  if (arch === 'x64' && cpuFlags !== undefined && !/\bavx2\b/.test(cpuFlags)) warnings.push(NO_AVX2);
  if (memoryBytes < MEMORY_BYTES_MIN) {
    const gb = (memoryBytes / 1e9).toFixed(1);
    warnings.push(`This machine has ${gb} GB of memory, and 4 GB are advised: the set-up and larger models may fail.`);
  }
  return warnings;
}
