import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EngineInfo } from '../engine/engine.ts';
import { InferenceError, type InferenceErrorCode } from '../errors.ts';
import type { InferenceWorkerEvents, InferenceWorkerOptions, WorkerDeath } from './api.ts';
import { connectWorker, type WorkerLink } from './link.ts';

/** What the worker's process says over its IPC channel; calls go over the socket. */
export type WorkerNotice =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly code: InferenceErrorCode; readonly message: string };

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Loading 15 GB of weights from a slow disk takes minutes; a worker that hangs sooner is ended by whoever waits. */
const READY_WITHIN_MS = 10 * 60_000;
/** A worker that is silent this long serves nobody any more. Being told after two ticks, its calls can move before. */
const HANG_MS = 1000;
const END_WITHIN_MS = 2000;
const STDERR_CHARS_KEPT = 2000;

/**
 * Starts an inference worker; resolves when it is ready for calls.
 * @param signal gives the start up, which may take minutes: the process that was started is ended.
 * @throws InferenceError `WORKER_FAILED`, or what its engine refused, such as `CHECKPOINT_FILE_MISSING`; the signal's
 *   reason where it was aborted before the start
 */
export async function spawnInferenceWorker(
  options: InferenceWorkerOptions,
  signal?: AbortSignal,
): Promise<InferenceWorker> {
  const dir = await mkdtemp(join(tmpdir(), 'parley-worker-'));
  const worker = new InferenceWorker(options, dir);
  // Without its process the start fails.
  const giveUp = () => void worker.close();
  signal?.addEventListener('abort', giveUp);
  try {
    signal?.throwIfAborted();
    await worker.respawn();
    return worker;
  } catch (error) {
    await worker.close();
    throw error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}

/** A worker process and its watch. Calls connect to `socketPath` themselves, from whatever process carries their audio. */
export class InferenceWorker extends EventEmitter<InferenceWorkerEvents> implements AsyncDisposable {
  readonly socketPath: string;
  readonly #options: InferenceWorkerOptions;
  readonly #dir: string;
  #child: ChildProcess | undefined;
  #link: WorkerLink | undefined;
  #hangTimer: NodeJS.Timeout | undefined;
  #hung = false;
  #readyMs = 0;
  #info: EngineInfo | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: InferenceWorkerOptions, dir: string) {
    super();
    this.#options = options;
    this.#dir = dir;
    this.socketPath = join(dir, 'worker.sock');
  }

  get info(): EngineInfo {
    return this.#info!;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  get isAlive(): boolean {
    return this.#child !== undefined;
  }

  /** Time from spawn to ready of the process that runs, or ran last. */
  get readyMs(): number {
    return this.#readyMs;
  }

  /** Starts a new process on the same socket path, once the last one has died. @throws as `spawnInferenceWorker` */
  async respawn(): Promise<void> {
    if (this.#child || this.#closing)
      throw new InferenceError('WORKER_FAILED', 'respawn of a worker that has not died');
    const beganMs = performance.now();
    this.#hung = false;
    const child = spawn(process.execPath, [MAIN, ...this.#args()], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    this.#child = child;
    const stderr = keepStderr(child);
    try {
      await isReady(child, stderr);
      this.#link = await connectWorker(this.socketPath);
    } catch (error) {
      child.kill('SIGKILL');
      this.#child = undefined;
      throw error;
    }
    this.#info = this.#link.info;
    this.#readyMs = performance.now() - beganMs;
    if (child.exitCode !== null || child.signalCode !== null) this.#exited(stderr());
    else child.once('exit', () => this.#exited(stderr()));
    this.#watch(this.#link);
  }

  /** Idempotent: ends the process, by force after 2 s, and waits for its end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #args(): string[] {
    const { engine, slotCount, modelDir, cacheDir, threadCount, simulatedStepMs, recordDir } = this.#options;
    const options = {
      socket: this.socketPath,
      engine,
      slots: slotCount,
      model: modelDir,
      cache: cacheDir,
      threads: threadCount,
      'simulated-step-ms': simulatedStepMs,
      record: recordDir,
    };
    return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`]));
  }

  #watch(link: WorkerLink): void {
    link.on('tick', (report) => this.emit('tick', report));
    link.on('stalled', (silentMs) => {
      this.#hangTimer = setTimeout(() => {
        this.#hung = true;
        this.#child?.kill('SIGKILL');
      }, HANG_MS - silentMs);
      this.emit('stalled', silentMs);
    });
    link.on('resumed', () => {
      clearTimeout(this.#hangTimer);
      this.emit('resumed');
    });
    // A process that lives on without its socket serves nobody; if it is on its way out, its exit comes first.
    link.on('closed', () => {
      if (this.#closing) return;
      setTimeout(() => this.#link === link && this.#child?.kill('SIGKILL'), HANG_MS).unref();
    });
  }

  #exited(stderr: string): void {
    const { exitCode, signalCode } = this.#child!;
    this.#child = undefined;
    clearTimeout(this.#hangTimer);
    const link = this.#link;
    this.#link = undefined;
    void link?.close();
    if (this.#closing) return;
    this.emit('died', describeDeath(this.#hung, exitCode, signalCode, stderr));
  }

  async #close(): Promise<void> {
    clearTimeout(this.#hangTimer);
    await this.#link?.close();
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
      await exited;
      clearTimeout(timer);
    }
    await rm(this.#dir, { recursive: true, force: true });
  }
}

/** Passes the worker's stderr on. @returns its last lines when asked. */
function keepStderr(child: ChildProcess): () => string {
  let kept = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    process.stderr.write(text);
    kept = (kept + text).slice(-STDERR_CHARS_KEPT);
  });
  return () => kept.trim();
}

async function isReady(child: ChildProcess, stderr: () => string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new InferenceError('WORKER_FAILED', `not ready within ${READY_WITHIN_MS / 1000} s`)),
    READY_WITHIN_MS,
  );
  child.once('error', (cause) => reject(new InferenceError('WORKER_FAILED', cause.message, { cause })));
  // Not at `exit`: what the process last wrote and sent is only all here at `close`.
  child.once('close', (code, signal) =>
    reject(new InferenceError('WORKER_FAILED', `ended with ${signal ?? code} before it was ready\n${stderr()}`)),
  );
  child.on('message', (notice: WorkerNotice) => {
    if (notice.type === 'ready') resolve();
    else reject(new InferenceError(notice.code, notice.message.slice(notice.code.length + 2)));
  });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}

function describeDeath(hung: boolean, exitCode: number | null, signal: string | null, stderr: string): WorkerDeath {
  if (hung) return { cause: 'hang', detail: `silent for ${HANG_MS} ms` };
  if (signal) return { cause: 'signal', detail: signal };
  return { cause: 'exit', detail: `code ${exitCode}\n${stderr}`.trim() };
}
