import { EventEmitter } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import { RespawnDelay } from './respawn-delay.ts';

/** What is kept: something that runs until it dies or is closed. */
export interface Kept {
  readonly pid: number;
  close(): Promise<void>;
}

export interface ProcessKeeperOptions<T extends Kept> {
  /** For the log, such as `media process`. */
  readonly name: string;
  /** Starts one, `died` being called once if it ends unasked; gives up, and ends it, when the signal aborts. */
  readonly start: (died: (detail: string) => void, signal: AbortSignal) => Promise<T>;
  readonly logger: Logger;
}

export type ProcessKeeperEvents<T> = { lost: [process: T]; restored: [process: T] };

/** Keeps one process alive: starts it, starts it again when it dies, until it is closed. */
export class ProcessKeeper<T extends Kept> extends EventEmitter<ProcessKeeperEvents<T>> {
  readonly #options: ProcessKeeperOptions<T>;
  readonly #abort = new AbortController();
  readonly #delay = new RespawnDelay();
  #current: T | undefined;
  /** What is being started, the first time or again; never rejects. */
  #starting: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(options: ProcessKeeperOptions<T>) {
    super();
    this.#options = options;
  }

  /** Undefined while it is being started again. */
  get current(): T | undefined {
    return this.#current;
  }

  /** The first start. @throws what `start` throws: a process that never ran is the operator's to mend. */
  start(): Promise<T> {
    const starting = this.#start();
    this.#starting = starting.catch(() => undefined);
    return starting;
  }

  /** Idempotent: gives up a start that is under way. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #start(): Promise<T> {
    const { signal } = this.#abort;
    let started: T | undefined;
    let deathDetail: string | undefined;
    const died = (detail: string): void => {
      deathDetail = detail;
      if (started) this.#died(started, detail);
    };
    started = await this.#options.start(died, signal);
    if (signal.aborted) {
      await started.close();
      throw signal.reason;
    }
    this.#delay.started(performance.now());
    if (deathDetail !== undefined) throw new Error(`${this.#options.name} ended at once: ${deathDetail}`);
    this.#current = started;
    return started;
  }

  #died(process: T, detail: string): void {
    if (this.#current !== process || this.#closing) return;
    this.#current = undefined;
    this.#options.logger.error({ detail }, `${this.#options.name} died`);
    this.emit('lost', process);
    this.#starting = this.#restore();
  }

  async #restore(): Promise<void> {
    const { name, logger } = this.#options;
    const { signal } = this.#abort;
    const beganMs = performance.now();
    while (!signal.aborted) {
      const delayMs = this.#delay.failed(performance.now());
      // Rejects only when closing, which the loop's condition then sees.
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        const restored = await this.#start();
        logger.info({ afterMs: Math.round(performance.now() - beganMs) }, `${name} was started again`);
        this.emit('restored', restored);
        return;
      } catch (error) {
        if (!signal.aborted) logger.error({ err: error }, `${name} could not be started again`);
      }
    }
  }

  async #close(): Promise<void> {
    this.#abort.abort();
    await this.#starting;
    await this.#current?.close();
    this.#current = undefined;
  }
}
