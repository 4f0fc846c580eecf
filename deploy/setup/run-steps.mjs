// Runs the steps of the set-up one after the other, and tells what it does and how long it took.

/**
 * @typedef {object} Step
 * @property {string} name what will be there afterwards
 * @property {() => boolean} isDone asked right before the step would run, so it may depend on earlier steps; fast
 * @property {() => Promise<void>} [agree] what has to be asked before it runs; throws where it may not run
 * @property {(report: (done: number) => void) => Promise<string | void>} run throws where it fails; tells the part
 * that is done, 0 to 1, and may return a remark for the person who watches
 */
/**
 * @typedef {object} Terminal where the set-up writes
 * @property {(text: string) => void} write
 * @property {boolean} isInteractive whether a line can be rewritten
 * @property {() => number} nowMs
 */

const QUIET_MS = 3_000;
const REDRAW_MS = 200;
// In a log every line stays, so they are few.
const LOG_EVERY_MS = 15_000;
const BAR_CELLS = 24;

/**
 * @param {Step[]} steps
 * @param {Terminal} terminal
 * @returns {Promise<number>} how many steps had to run.
 */
export async function runSteps(steps, terminal) {
  let ran = 0;
  for (const step of steps) {
    if (step.isDone()) continue;
    ran++;
    await step.agree?.();
    await runStep(step, terminal);
  }
  return ran;
}

/** @param {Step} step @param {Terminal} terminal */
async function runStep(step, terminal) {
  const startedMs = terminal.nowMs();
  const stop = showProgress(step.name, startedMs, terminal);
  try {
    const remark = await step.run(stop.report);
    stop.clear();
    const tookS = (terminal.nowMs() - startedMs) / 1000;
    terminal.write(`  ${step.name}: ${remark ?? 'done'} (${tookS.toFixed(1)} s)\n`);
  } catch (error) {
    stop.clear();
    terminal.write(`  ${step.name}: failed (${((terminal.nowMs() - startedMs) / 1000).toFixed(1)} s)\n`);
    throw error;
  }
}

/** @param {string} name @param {number} startedMs @param {Terminal} terminal */
function showProgress(name, startedMs, terminal) {
  /** @type {number | undefined} */
  let done;
  const { isInteractive } = terminal;
  if (!isInteractive) terminal.write(`  ${name} …\n`);
  const timer = setInterval(
    () => {
      const elapsedMs = terminal.nowMs() - startedMs;
      if (isInteractive) terminal.write(`\r\x1b[K${progressLine(name, elapsedMs, done)}`);
      else if (elapsedMs >= QUIET_MS) terminal.write(`${progressLine(name, elapsedMs, done)}\n`);
    },
    isInteractive ? REDRAW_MS : LOG_EVERY_MS,
  );
  return {
    report: (/** @type {number} */ part) => {
      done = part;
    },
    clear: () => {
      clearInterval(timer);
      if (isInteractive) terminal.write('\r\x1b[K');
    },
  };
}

/**
 * @param {string} name
 * @param {number} elapsedMs
 * @param {number | undefined} done the part that is done, 0 to 1, where it is known.
 */
export function progressLine(name, elapsedMs, done) {
  const elapsed = `${Math.floor(elapsedMs / 1000)} s`;
  if (done === undefined) return `  ${name} … ${elapsed}`;
  const filled = Math.round(done * BAR_CELLS);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled);
  return `  ${name} ${bar} ${Math.floor(done * 100)} %, ${elapsed}`;
}
