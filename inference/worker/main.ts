import { rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceError } from '../errors.ts';
import { Recorder } from '../log/recorder.ts';
import { createEngine, warmUp } from './create-engine.ts';
import type { WorkerNotice } from './supervisor.ts';
import { WorkerServer } from './worker-server.ts';

/**
 * The inference worker's process: one engine, one tick, one socket. Started by a supervisor it tells it when it is
 * ready, and ends when that is gone; started by hand it runs until SIGTERM or SIGINT.
 */
async function main(): Promise<void> {
  const isSupervised = process.connected;
  const { values } = parseArgs({
    options: {
      socket: { type: 'string' },
      engine: { type: 'string', default: 'loopback' },
      model: { type: 'string' },
      slots: { type: 'string', default: '1' },
      cache: { type: 'string' },
      threads: { type: 'string' },
      record: { type: 'string' },
      'simulated-step-ms': { type: 'string', default: '0' },
    },
  });
  if (!values.socket) throw new Error('--socket PATH is needed');
  const socketPath = values.socket;
  const engine = await createEngine({
    engine: values.engine,
    slotCount: Number(values.slots),
    simulatedStepMs: Number(values['simulated-step-ms']),
    // Its standard output is the server's: the operator who waits sees what for.
    tell: console.log,
    ...(values.model !== undefined && { modelDir: values.model }),
    ...(values.cache !== undefined && { cacheDir: values.cache }),
    ...(values.threads !== undefined && { threadCount: Number(values.threads) }),
  });
  await warmUp(engine);
  const recorder = values.record === undefined ? undefined : await Recorder.start(values.record, engine.info);
  const server = new WorkerServer({ engine, ...(recorder && { observer: recorder }) });
  let isEnding = false;
  const end = async () => {
    if (isEnding) return;
    isEnding = true;
    await server.close();
    await recorder?.close();
    await engine.close();
    process.exit(0);
  };
  process.on('SIGTERM', end);
  const endAlone = async () => {
    // The supervisor died without closing: its directory, which only held the socket, is nobody else's to remove.
    await server.close();
    await rmdir(dirname(socketPath)).catch(() => undefined);
    await end();
  };
  process.on('disconnect', endAlone);
  // Ctrl-C reaches the whole process group: a supervisor still drains its calls then, and says when to end.
  process.on('SIGINT', () => process.connected || end());

  // It may have died while the model was loaded.
  if (isSupervised && !process.connected) return endAlone();
  // A socket file that a killed predecessor left behind would refuse the address.
  await rm(socketPath, { force: true });
  await server.listen(socketPath);
  await notify({ type: 'ready' });
  // A step that threw has left the state of every slot in doubt, so no call can go on in this process.
  await server.failed;
}

/** Resolves when the notice has left; at once where there is no supervisor. */
async function notify(notice: WorkerNotice): Promise<void> {
  if (process.send) await new Promise((resolve) => process.send!(notice, resolve));
}

main().catch(async (error: unknown) => {
  // What has a code is told to the supervisor, who knows what to say about it; anything else needs its stack.
  if (error instanceof InferenceError && process.send) {
    await notify({ type: 'failed', code: error.code, message: error.message });
  } else console.error(error);
  process.exit(1);
});
