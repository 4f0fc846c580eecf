// mediasoup's worker: the official prebuilt where it can be downloaded, else built from the npm package's own sources.
// Kept outside node_modules, which every `npm ci` empties.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { arch, platform, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { cacheFolder } from '../../inference/cache-folder.mjs';
import { withLock } from './lock.mjs';
import { runCommand, SetupError } from './run-command.mjs';
import { fileInTar } from './tar.mjs';
import { FLATC_FLAGS, ninjaFile, RECIPE, withCorrectBioCallback, workerSources } from './worker-recipe.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const DTLS_TRANSPORT = 'src/RTC/DtlsTransport.cpp';
const STAND_IN_HEADERS = join(HERE, 'mediasoup-worker');
const DOWNLOAD_TIMEOUT_MS = 5_000;
// A compiler process of this code base takes up to 0.7 GB.
const MEMORY_BYTES_PER_JOB = 0.75e9;
// main.cpp of the worker ends with this status when it is started without MEDIASOUP_VERSION, which shows that the
// binary and its libraries fit this machine.
const RUNS_HERE_STATUS = 41;

/**
 * The places and the address that a version of mediasoup's worker has on this machine.
 *
 * @param {string} root the repository's folder, with node_modules in it.
 * @param {NodeJS.ProcessEnv} env
 */
function workerPlaces(root, env) {
  const packageFolder = join(root, 'node_modules', 'mediasoup');
  const { version, repository } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
  const cache = cacheFolder(env);
  const prebuiltName = prebuiltWorkerName(version, { platform: platform(), arch: arch(), release: release() });
  const base =
    env.MEDIASOUP_WORKER_PREBUILT_DOWNLOAD_BASE_URL ||
    `${repository.url.replace(/^git\+/, '').replace(/\.git$/, '')}/releases/download`;
  return {
    packageFolder,
    url: `${base}/${version}/${prebuiltName}.tgz`,
    prebuilt: join(cache, `${prebuiltName}-prebuilt`, 'mediasoup-worker'),
    built: join(cache, `mediasoup-worker-${version}-${recipeHash()}`, 'mediasoup-worker'),
  };
}

/**
 * The name that mediasoup gives to the prebuilt worker of a machine (its npm-scripts.mjs, getWorkerPrebuildTarName).
 *
 * @param {string} version of mediasoup.
 * @param {{ platform: string, arch: string, release: string }} machine as node:os tells them.
 */
export function prebuiltWorkerName(version, machine) {
  const kernel = machine.platform === 'linux' ? `-kernel${Number(machine.release.split('.')[0])}` : '';
  return `mediasoup-worker-${version}-${machine.platform}-${machine.arch}${kernel}`;
}

/**
 * The worker that will be used: $MEDIASOUP_WORKER_BIN, the official one, or the one built here.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | null} an absolute path, or null where none of them is there and runs on this machine.
 */
export function findWorker(root, env) {
  if (env.MEDIASOUP_WORKER_BIN) return env.MEDIASOUP_WORKER_BIN;
  if (!existsSync(join(root, 'node_modules', 'mediasoup', 'package.json'))) return null;
  const places = workerPlaces(root, env);
  return [places.prebuilt, places.built].find((path) => existsSync(path) && runsHere(path)) ?? null;
}

/**
 * Downloads the official worker.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | null>} null when it is in its place, else why it is not.
 */
export async function downloadWorker(root, env) {
  const { url, prebuilt } = workerPlaces(root, env);
  const folder = join(prebuilt, '..');
  return await withLock(`${folder}.lock`, async () => {
    const unpacked = `${folder}.part`;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
      if (!response.ok) return `${url} answered ${response.status}`;
      const worker = fileInTar(gunzipSync(await response.arrayBuffer()), 'mediasoup-worker');
      if (worker === null) return `${url} holds no mediasoup-worker`;
      rmSync(unpacked, { recursive: true, force: true });
      mkdirSync(unpacked, { recursive: true });
      writeFileSync(join(unpacked, 'mediasoup-worker'), worker, { mode: 0o755 });
      if (!runsHere(join(unpacked, 'mediasoup-worker'))) return 'the downloaded worker does not run on this machine';
      replaceFolder(unpacked, folder);
      return null;
    } catch (error) {
      const { message, cause } = /** @type {Error} */ (error);
      return `${url}: ${cause instanceof Error ? cause.message : message}`;
    } finally {
      rmSync(unpacked, { recursive: true, force: true });
    }
  });
}

/**
 * Builds the worker. An interrupted build goes on where it stopped.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {{ cores: number, memoryBytes: number }} machine
 * @param {(done: number) => void} onProgress gets the part that is done, 0 to 1.
 * @throws {SetupError} when a tool fails or the result does not run.
 */
export async function buildWorker(root, env, machine, onProgress) {
  const { packageFolder, built } = workerPlaces(root, env);
  const folder = join(built, '..');
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(built) && runsHere(built)) return;
    const build = `${folder}.build`;
    await writeBuildFolder(join(packageFolder, 'worker'), build);
    const jobs = Math.max(1, Math.min(machine.cores, Math.floor(machine.memoryBytes / MEMORY_BYTES_PER_JOB)));
    await runCommand('ninja', ['-C', build, `-j${jobs}`], {
      env: { ...env, NINJA_STATUS: '[%f/%t] ' },
      onLine: (line) => {
        const [, done, all] = /^\[(\d+)\/(\d+)\] /.exec(line) ?? [];
        if (done !== undefined && all !== undefined) onProgress(Number(done) / Number(all));
      },
    });
    const result = join(build, 'mediasoup-worker');
    if (!runsHere(result)) throw new SetupError(`${result} was built but does not run here.`);
    const finished = `${folder}.part`;
    rmSync(finished, { recursive: true, force: true });
    mkdirSync(finished);
    renameSync(result, join(finished, 'mediasoup-worker'));
    replaceFolder(finished, folder);
    rmSync(build, { recursive: true, force: true });
  });
}

/**
 * Writes what ninja starts from. What is already there stays untouched: newer headers would make ninja compile again
 * what an interrupted build has compiled.
 *
 * @param {string} worker the package's worker folder
 * @param {string} build
 */
async function writeBuildFolder(worker, build) {
  const sources = workerSources(readFileSync(join(worker, 'meson.build'), 'utf8'));
  const corrected = join(build, 'sources', 'DtlsTransport.cpp');
  await makeOnce(join(build, 'sources'), async (folder) => {
    const source = readFileSync(join(worker, DTLS_TRANSPORT), 'utf8');
    writeFileSync(join(folder, 'DtlsTransport.cpp'), withCorrectBioCallback(source));
  });
  const generated = join(build, 'generated');
  await makeOnce(generated, async (folder) => {
    const schemas = readdirSync(join(worker, 'fbs')).filter((name) => name.endsWith('.fbs'));
    const paths = schemas.map((name) => join(worker, 'fbs', name));
    await runCommand('flatc', [...FLATC_FLAGS, '-o', join(folder, 'FBS'), ...paths]);
  });
  const text = ninjaFile({
    compiler: 'g++',
    sources: sources.map((source) => (source === DTLS_TRANSPORT ? corrected : join(worker, source))),
    includeDirs: [STAND_IN_HEADERS, generated, join(worker, 'include')],
    output: 'mediasoup-worker',
  });
  writeFileSync(join(build, 'build.ninja'), text);
}

/** Makes a folder whole or not at all. @param {string} folder @param {(unfinished: string) => Promise<void>} make */
async function makeOnce(folder, make) {
  if (existsSync(folder)) return;
  const unfinished = `${folder}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  await make(unfinished);
  renameSync(unfinished, folder);
}

/** Whether the binary starts here: a library of another release makes it fail. @param {string} path */
function runsHere(path) {
  return spawnSync(path, [], { env: {}, stdio: 'ignore' }).status === RUNS_HERE_STATUS;
}

/** @param {string} from @param {string} to */
function replaceFolder(from, to) {
  rmSync(to, { recursive: true, force: true });
  renameSync(from, to);
}

/** Changes with the recipe, the architecture and the system's release, whose libraries the worker is linked with. */
function recipeHash() {
  const hash = createHash('sha256').update(`${platform()} ${arch()} ${RECIPE}`);
  for (const header of ['srtp.h', 'ankerl/unordered_dense.h'])
    hash.update(readFileSync(join(STAND_IN_HEADERS, header)));
  const osRelease = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  hash.update((osRelease.match(/^(ID|VERSION_ID)=.*$/gm) ?? []).join());
  return hash.digest('hex').slice(0, 12);
}
