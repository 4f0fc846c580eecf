import { appendFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import koffi from 'koffi';

/**
 * Loaded into every Node process of a server under test, by NODE_OPTIONS (see `ProcessWatch`): whoever connects to
 * `PID.sock` in PARLEY_PROBE_DIR is told what is left after a forced collection, of V8's heap and of the C library's. The server itself knows nothing of it.
 */
export interface ProbeReading {
  readonly heapBytes: number;
  /** Buffers and other memory that lives outside the heap but for objects in it. */
  readonly externalBytes: number;
}

const COLLECTIONS = 3;

/** Gives back what the C library's heap holds but nobody uses; a collector frees into that heap, not to the system. */
const trimHeap = process.platform === 'linux' ? koffi.load('libc.so.6').func('int malloc_trim(size_t)') : () => 0;

async function readAfterCollection(): Promise<ProbeReading> {
  for (let i = 0; i < COLLECTIONS; i++) {
    // `last-resort` also gives free pages back; what only finalizers let go is freed by the next round.
    globalThis.gc!({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await sleep(5);
  }
  trimHeap(0);
  const { heapUsed, external } = process.memoryUsage();
  return { heapBytes: heapUsed, externalBytes: external };
}

const dir = process.env.PARLEY_PROBE_DIR;
if (dir) {
  const path = join(dir, `${process.pid}.sock`);
  rmSync(path, { force: true });
  createServer((socket) => {
    socket.on('error', () => undefined);
    void readAfterCollection().then((reading) => socket.end(JSON.stringify(reading)));
  })
    .listen(path)
    .unref();
  // Only watches: what a process does about its errors stays as it is.
  process.on('uncaughtExceptionMonitor', (error, origin) => {
    appendFileSync(join(dir, 'uncaught.log'), `${process.pid} ${origin}: ${error?.stack ?? error}\n`);
  });
  process.on('warning', (warning) => {
    appendFileSync(join(dir, 'warnings.log'), `${process.pid} ${warning.name}: ${warning.message}\n`);
  });
}
