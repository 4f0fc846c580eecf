import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineInfo, SlotOptions } from '../engine/engine.ts';
import type { TickResult } from '../worker/tick-loop.ts';
import type { WorkerObserver } from '../worker/worker-server.ts';
import { encodeRecord, LOG_VERSION, type LogEndReason, type LogRecord, loggedRow } from './log-record.ts';

export interface RecorderOptions {
  /** What may wait for the disk. Default 32 MiB: some 5 s of 64 calls. */
  readonly bufferBytesMax?: number;
  /** Default 8 GiB: a day of one call. */
  readonly fileBytesMax?: number;
}

/** A log holds what callers said: for the eyes of the account alone that runs the server. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
/** Room that is kept for the last record. */
const END_BYTES = 64;

/**
 * Writes down all that an engine is given, so that it can be replayed to the same bits.
 *
 * It never holds up a tick: records are made after the replies have left, and written by the thread pool. If the disk
 * does not keep up, or the file is full, recording ends there for good, with a record that says so: what stands before
 * can be replayed, and a log with a hole could not.
 */
export class Recorder implements WorkerObserver, AsyncDisposable {
  readonly path: string;
  readonly #stream: WriteStream;
  readonly #bufferBytesMax: number;
  readonly #fileBytesMax: number;
  #bytes = 0;
  #isEnded = false;

  private constructor(path: string, info: EngineInfo, startedMs: number, options: RecorderOptions) {
    this.path = path;
    this.#bufferBytesMax = options.bufferBytesMax ?? 32 * 2 ** 20;
    this.#fileBytesMax = options.fileBytesMax ?? 8 * 2 ** 30;
    this.#stream = createWriteStream(path, { flags: 'wx', mode: FILE_MODE });
    this.#stream.on('error', (error) => {
      this.#isEnded = true;
      console.error(`${path}: recording has ended: ${error.message}`);
    });
    this.#write({ type: 'header', version: LOG_VERSION, startedMs, info });
  }

  /** Begins a new file in a directory, which is made if need be. @throws what the file system says. */
  static async start(directory: string, info: EngineInfo, options: RecorderOptions = {}): Promise<Recorder> {
    await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    const startedMs = Date.now();
    const time = new Date(startedMs).toISOString().replaceAll(/[-:]/g, '').replace('.', '_');
    const recorder = new Recorder(join(directory, `${time}-${process.pid}.parleylog`), info, startedMs, options);
    await once(recorder.#stream, 'open');
    return recorder;
  }

  slotOpened(slot: number, options: SlotOptions): void {
    this.#write({ type: 'opened', slot, options });
  }

  slotClosed(slot: number): void {
    this.#write({ type: 'closed', slot });
  }

  ticked({ tickIndex, batchSize, inputs, outputs }: TickResult): void {
    if (inputs.length === 0 || this.#isEnded) return;
    const rows = inputs.map((input, i) => loggedRow(input, outputs[i]!));
    this.#write({ type: 'step', tickIndex, batchSize, rows });
  }

  /** Idempotent; resolves when all is in the file. */
  async close(): Promise<void> {
    this.#end('worker-ended');
    if (!this.#stream.closed) await once(this.#stream, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #write(record: LogRecord): void {
    if (this.#isEnded) return;
    const bytes = encodeRecord(record);
    if (this.#bytes + bytes.length + END_BYTES > this.#fileBytesMax) this.#end('file-full');
    else if (this.#stream.writableLength + bytes.length > this.#bufferBytesMax) this.#end('disk-slow');
    else {
      this.#bytes += bytes.length;
      this.#stream.write(bytes);
    }
  }

  #end(reason: LogEndReason): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#stream.end(encodeRecord({ type: 'end', reason }));
    if (reason !== 'worker-ended') console.error(`${this.path}: recording has ended: ${reason}`);
  }
}
