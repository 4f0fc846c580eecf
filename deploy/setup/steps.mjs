// The plan: what has to be there before Parley runs, in order. To add a step, add an entry to `planSteps`; something
// that the project makes from its own files is an entry in `madeSteps`.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../inference/cache-folder.mjs';
import { isPageCurrent } from '../../server/console/page-stamp.mjs';
import { hashSources } from './hash-sources.mjs';
import { areNodePackagesThere, installNodePackages, noNodeError } from './node-packages.mjs';
import { runCommand } from './run-command.mjs';
import { findChromium, findLibrary } from './system-packages.mjs';
import { systemPackagesStep } from './system-packages-step.mjs';
import { buildWorker, downloadWorker, findWorker } from './worker.mjs';

/** @typedef {import('./run-steps.mjs').Step} Step */
/** @typedef {'start' | 'test' | 'tools'} Goal what is about to be run: the server, everything, or tools without audio */
/**
 * @typedef {object} Context
 * @property {string} root the repository's folder
 * @property {NodeJS.ProcessEnv} env
 * @property {Goal} goal
 * @property {import('./platform.mjs').Platform} platform
 * @property {boolean} isAgreed whether system packages may be installed unasked
 * @property {(text: string) => void} write
 */

/**
 * @param {Context} context
 * @returns {Step[]}
 */
export function planSteps(context) {
  const nodePackages = [nodePackagesStep(context), nodeStep(context)];
  if (context.goal === 'tools') return nodePackages;
  return [...nodePackages, ...workerAndSystemSteps(context), settingsStep(context), ...madeSteps(context)];
}

/** @param {Context} context @returns {Step} */
function nodePackagesStep({ root, env }) {
  return {
    name: 'npm packages',
    isDone: () => areNodePackagesThere(root),
    run: (report) => installNodePackages(root, cacheFolder(env), env, report),
  };
}

/** Node 24 comes with the npm packages; where npm has none for this platform, ours must do. @param {Context} context */
function nodeStep({ root }) {
  return {
    name: 'Node 24',
    isDone: () =>
      existsSync(join(root, 'node_modules', '.bin', 'node')) || Number(process.versions.node.split('.')[0]) >= 24,
    run: async () => {
      throw noNodeError();
    },
  };
}

/** @param {Context} context @returns {Step[]} */
function workerAndSystemSteps(context) {
  const { root, env, goal } = context;
  const hasWorker = () => findWorker(root, env) !== null;
  return [
    {
      name: "mediasoup's worker, official build",
      isDone: hasWorker,
      run: async () => {
        const refusal = await downloadWorker(root, env);
        return refusal === null ? undefined : `not available, will be built here (${refusal})`;
      },
    },
    systemPackagesStep({
      ...context,
      purposes: () => [
        'run',
        ...(hasWorker() ? [] : [/** @type {const} */ ('build-worker')]),
        ...(goal === 'test' ? [/** @type {const} */ ('test')] : []),
      ],
    }),
    {
      name: "mediasoup's worker, built from source",
      isDone: hasWorker,
      run: (report) => buildWorker(root, env, { cores: availableParallelism(), memoryBytes: totalmem() }, report),
    },
  ];
}

/**
 * Tells the server what was found: `.parley/setup.json` is
 * `{ mediasoupWorkerBin: string, opusLibrary: string, chromium?: string }`, all absolute paths.
 *
 * @param {Context} context @returns {Step}
 */
function settingsStep({ root, env }) {
  const file = join(root, '.parley', 'setup.json');
  const text = () => {
    const found = {
      mediasoupWorkerBin: findWorker(root, env),
      opusLibrary: findLibrary('opus', env),
      chromium: findChromium(env) ?? undefined,
    };
    return `${JSON.stringify(found, null, 2)}\n`;
  };
  return {
    name: 'paths for the server, .parley/setup.json',
    isDone: () => existsSync(file) && readFileSync(file, 'utf8') === text(),
    run: async () => replaceFile(file, text()),
  };
}

/**
 * What the project makes from its own files.
 *
 * @param {Context} context @returns {Step[]}
 */
function madeSteps(context) {
  return [
    {
      name: 'call page',
      isDone: isPageCurrent,
      // Stamps what it built: whoever builds the page, the others see it.
      run: () =>
        runScript(context, "const { buildConsole } = await import('./server/console/build.ts'); await buildConsole();"),
    },
    madeFrom(context, {
      name: 'untrained model',
      sources: ['inference/untrained'],
      script:
        "const { defaultModelDirectory } = await import('./inference/untrained/default-model.ts');" +
        `await defaultModelDirectory(${JSON.stringify(cacheFolder(context.env))});`,
    }),
  ];
}

/**
 * A step that makes something of the project's own files with Node 24, and again whenever those change.
 *
 * @param {Context} context
 * @param {object} making
 * @param {string} making.name
 * @param {string[]} making.sources files and folders, relative to the repository's folder.
 * @param {string} making.script an ES module, run in the repository's folder.
 * @returns {Step}
 */
function madeFrom(context, { name, sources, script }) {
  const { root } = context;
  const stamp = join(root, '.parley', 'made', name.replaceAll(' ', '-'));
  const wanted = () => hashSources(root, sources);
  return {
    name,
    isDone: () => existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted(),
    run: async () => {
      // Taken before the making, so that a change during it makes it again.
      const hash = wanted();
      await runScript(context, script);
      replaceFile(stamp, hash);
    },
  };
}

/** @param {Context} context @param {string} script an ES module, run by Node 24 in the repository's folder. */
async function runScript({ root, env }, script) {
  const node = join(root, 'node_modules', '.bin', 'node');
  const command = existsSync(node) ? node : process.execPath;
  await runCommand(command, ['--input-type=module', '-e', script], { cwd: root, env });
}

/** @param {string} path @param {string} text */
function replaceFile(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}
