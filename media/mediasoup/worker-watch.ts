import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { types } from 'mediasoup';

const ASK_EVERY_MS = 1_000;
/** A worker that answers no request for this long carries nobody's audio either; its calls have waited long enough. */
const HANG_MS = 3_000;

/**
 * Asks mediasoup's worker for a sign of life, and kills it when none comes: mediasoup tells of a worker that dies, but
 * not of one that hangs. Ends with the worker.
 */
export async function watchWorker(worker: types.Worker): Promise<void> {
  while (!worker.closed) {
    await delay(ASK_EVERY_MS, undefined, { ref: false });
    if (worker.closed || (await answers(worker))) continue;
    process.kill(worker.pid, 'SIGKILL');
    return;
  }
}

async function answers(worker: types.Worker): Promise<boolean> {
  let hasAnswered = false;
  const note = () => {
    hasAnswered = true;
  };
  // Rejects where the worker ends meanwhile, which is no hang.
  const answer = worker.getResourceUsage().then(note, note);
  const stop = new AbortController();
  const silence = delay(HANG_MS, undefined, { ref: false, signal: stop.signal }).catch(() => undefined);
  await Promise.race([answer, silence]);
  stop.abort();
  // Where it was this process that hung, the answer lies in the socket: two turns read it.
  if (!hasAnswered) await turn().then(() => turn());
  return hasAnswered || worker.closed;
}
