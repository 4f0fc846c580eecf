// Brings this machine to the point where Parley runs. Plain JavaScript for Node 18: it runs before anything else is
// there. Usage: node deploy/setup/setup.mjs start|test|tools [--yes]
import { existsSync, readFileSync } from 'node:fs';
import { arch, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';
import { describePlatform, machineWarnings } from './platform.mjs';
import { SetupError } from './run-command.mjs';
import { runSteps } from './run-steps.mjs';
import { planSteps } from './steps.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

try {
  await setUp(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  process.exitCode = 1;
}

/** @param {string[]} args */
async function setUp(args) {
  const [goal, ...flags] = args;
  if (goal !== 'start' && goal !== 'test' && goal !== 'tools') {
    throw new SetupError(`"${goal}" is not one of start, test, tools`);
  }
  const { env, stdout } = process;
  const write = (/** @type {string} */ text) => void stdout.write(text);
  const terminal = { write, isInteractive: stdout.isTTY === true && !env.CI, nowMs: () => performance.now() };
  const machine = { arch: arch(), cpuInfo: textOf('/proc/cpuinfo'), memoryBytes: memoryBytes() };
  for (const warning of machineWarnings(machine)) write(`  Note: ${warning}\n`);
  const isAgreed = flags.includes('--yes') || (env.CI !== undefined && env.CI !== '' && env.CI !== 'false');
  const platform = describePlatform(process.platform, textOf('/etc/os-release'));
  const steps = planSteps({ root, env, goal, platform, isAgreed, write });
  // Looked at before the lock is taken: where all is there, nobody has to wait.
  if (steps.every((step) => step.isDone())) return;
  write(`Setting up Parley on ${platform.name}, Node ${process.versions.node}\n`);
  const startedMs = terminal.nowMs();
  await withLock(
    join(root, '.parley', 'setup.lock'),
    () => runSteps(steps, terminal),
    (holder) => write(`  Waiting for another set-up here${holder === null ? '' : `, process ${holder.pid}`} …\n`),
  );
  write(`Set up in ${((terminal.nowMs() - startedMs) / 1000).toFixed(1)} s\n`);
}

/** What this process may use: a container's limit counts, not the machine's memory around it. */
function memoryBytes() {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

/** @param {string} path */
function textOf(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
