// The step that installs system packages: the only one that may need root, and the only one that asks.
import { createInterface } from 'node:readline/promises';
import { runCommand, SetupError } from './run-command.mjs';
import { aptProgress, findCommand, installCommands, isNeedMet, missingNeeds } from './system-packages.mjs';

/** @typedef {import('./system-packages.mjs').SystemNeed} SystemNeed */

/**
 * How commands that need root may be run here.
 *
 * @param {object} user
 * @param {boolean} user.needsRoot Homebrew refuses root, the others demand it.
 * @param {boolean} user.isRoot
 * @param {boolean} user.hasSudo
 * @param {boolean} user.isAgreed by --yes or CI=true.
 * @param {boolean} user.hasTerminal to be asked on.
 * @returns {'run' | 'ask' | 'tell'} run unasked, ask first, or only tell what to type.
 */
export function consentFor({ needsRoot, isRoot, hasSudo, isAgreed, hasTerminal }) {
  const able = !needsRoot || isRoot || hasSudo;
  if (!able) return 'tell';
  if (isAgreed) return 'run';
  if (hasTerminal) return 'ask';
  // Nobody to ask: root in a script is a machine being set up, anybody else's machine is left alone (decision 9).
  return needsRoot && isRoot ? 'run' : 'tell';
}

/**
 * @param {object} context
 * @param {() => import('./system-packages.mjs').Purpose[]} context.purposes asked late: only a machine without the
 * official worker has to build one.
 * @param {import('./platform.mjs').Platform} context.platform
 * @param {NodeJS.ProcessEnv} context.env
 * @param {boolean} context.isAgreed
 * @param {(text: string) => void} context.write
 * @returns {import('./run-steps.mjs').Step}
 */
export function systemPackagesStep({ purposes, platform, env, isAgreed, write }) {
  const missing = () => missingNeeds(purposes(), (wanted) => isNeedMet(wanted, env));
  const isRoot = process.getuid?.() === 0;
  const needsRoot = platform.packageManager !== 'brew';
  const elevated = (/** @type {string[]} */ command) => {
    if (!needsRoot || isRoot) return command;
    return isAgreed ? ['sudo', '-n', ...command] : ['sudo', ...command];
  };
  return {
    name: 'system packages',
    isDone: () => missing().length === 0,
    agree: async () => {
      const needs = missing();
      const { commands, unavailable } = installCommands(needs, platform);
      if (unavailable.length > 0) throw new SetupError(adviceFor(unavailable, platform.name));
      const hasTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
      const hasSudo = findCommand(['sudo'], env) !== null;
      const consent = consentFor({ needsRoot, isRoot, hasSudo, isAgreed, hasTerminal });
      const typed = commands.map((command) =>
        (needsRoot && !isRoot && hasSudo ? ['sudo', ...command] : command).join(' '),
      );
      const names = needs.map(({ name }) => name).join(', ');
      if (consent === 'tell') {
        throw new SetupError(
          `Missing: ${names}. Install with${needsRoot && !isRoot && !hasSudo ? ', as root' : ''}:\n\n    ${typed.join(' && ')}\n`,
        );
      }
      write(`  Missing: ${names}. To be run:\n    ${typed.join('\n    ')}\n`);
      if (consent === 'ask' && !(await isConfirmed('  Run it now? [Y/n] '))) {
        throw new SetupError('Not installed. Run the above yourself, or start again with --yes.');
      }
    },
    run: async (report) => {
      const { commands } = installCommands(missing(), platform);
      for (const command of commands) {
        const [program = '', ...args] = elevated(
          command[1] === 'install' && command[0] === 'apt-get' ? withAptOptions(command) : command,
        );
        await runCommand(program, args, {
          env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
          onLine: (line) => {
            const done = aptProgress(line);
            if (done !== null) report(done);
          },
        });
      }
      const still = missing();
      if (still.length > 0) {
        throw new SetupError(`Installed, but not found: ${still.map(({ name }) => name).join(', ')}`);
      }
    },
  };
}

/** Progress as lines, and patience with another apt that is at work. @param {string[]} command */
function withAptOptions(command) {
  return [...command, '-o', 'APT::Status-Fd=1', '-o', 'DPkg::Lock::Timeout=120'];
}

/** @param {string} question */
async function isConfirmed(question) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^(y|yes|)$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}

/** @param {SystemNeed[]} needs @param {string} system */
function adviceFor(needs, system) {
  const advice = {
    run: `Install ${named(needs, 'run')} by the means of ${system}.`,
    'build-worker':
      `mediasoup's worker could neither be downloaded nor can it be built here (${named(needs, 'build-worker')}). ` +
      'Allow https://github.com, or set MEDIASOUP_WORKER_BIN to a worker of the same version.',
    test:
      `The tests need ${named(needs, 'test')}, which the set-up cannot install on ${system}. ` +
      'As Chromium, Google Chrome does, or any Chromium that CHROMIUM names.',
  };
  return [...new Set(needs.map(({ purpose }) => purpose))].map((purpose) => advice[purpose]).join('\n');
}

/** @param {SystemNeed[]} needs @param {SystemNeed['purpose']} purpose */
function named(needs, purpose) {
  return needs.flatMap((wanted) => (wanted.purpose === purpose ? [wanted.name] : [])).join(', ');
}
