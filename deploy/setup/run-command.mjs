// Runs other programs: quiet while they succeed, their last lines when they fail.
import { spawn } from 'node:child_process';

const KEPT_LINES = 40;
const STOP_SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** A step of the set-up that cannot go on; the message says what to do. */
export class SetupError extends Error {}

/**
 * Runs a command without input.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {(line: string) => void} [options.onLine] gets every line of its output.
 * @param {RegExp} [options.noise] lines that say nothing about a failure.
 * @returns {Promise<void>} when it has ended with status 0.
 * @throws {SetupError} with its last lines when it ended otherwise.
 */
export function runCommand(command, args, { cwd, env, onLine, noise } = {}) {
  return new Promise((resolve, reject) => {
    /** @type {string[]} */
    const kept = [];
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    // A build that outlives the set-up would meet the next one in the same folder.
    const stop = () => {
      child.kill();
      process.exit(1);
    };
    for (const signal of STOP_SIGNALS) process.once(signal, stop);
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split(/\r?\n|\r/);
        rest = lines.pop() ?? '';
        for (const line of lines) {
          onLine?.(line);
          if (noise?.test(line)) continue;
          kept.push(line);
          if (kept.length > KEPT_LINES) kept.shift();
        }
      });
      stream.on('end', () => rest !== '' && kept.push(rest));
    }
    child.on('error', (error) => reject(new SetupError(`${command} could not be started: ${error.message}`)));
    child.on('close', (status, signal) => {
      for (const name of STOP_SIGNALS) process.off(name, stop);
      if (status === 0) resolve();
      else
        reject(new SetupError(`${[command, ...args].join(' ')}\nended with ${signal ?? status}:\n${kept.join('\n')}`));
    });
  });
}
