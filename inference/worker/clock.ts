import type { Tick, TickClock } from './api.ts';
import { TickGrid } from './tick-grid.ts';

interface Sample {
  readonly roundTripMs: number;
  /** What to add to the worker's clock to get this process's. */
  readonly offsetMs: number;
}

/** Old samples go, since two machines' clocks drift apart by up to 0.05 ms a second. */
const SAMPLES_MAX = 8;

/** Follows a worker's clock by the pongs to this process's pings: of the last few, the quickest one is believed. Pure. */
export class WorkerClock implements TickClock {
  readonly periodMs: number;
  readonly graceMs: number;
  readonly #grid: TickGrid;
  readonly #samples: Sample[] = [];
  #best: Sample = { roundTripMs: Number.POSITIVE_INFINITY, offsetMs: 0 };

  /** @param tickZeroMs on the worker's clock. */
  constructor(tickZeroMs: number, periodMs: number, graceMs: number) {
    this.periodMs = periodMs;
    this.graceMs = graceMs;
    this.#grid = new TickGrid(tickZeroMs, periodMs);
  }

  get uncertaintyMs(): number {
    return this.#best.roundTripMs / 2;
  }

  /** @param workerMs the worker's clock between the two, which are this process's. */
  addPong(sentMs: number, workerMs: number, receivedMs: number): void {
    this.#samples.push({ roundTripMs: receivedMs - sentMs, offsetMs: (sentMs + receivedMs) / 2 - workerMs });
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    this.#best = this.#samples.reduce((best, sample) => (sample.roundTripMs < best.roundTripMs ? sample : best));
  }

  nextTick(nowMs: number): Tick {
    let index = Math.max(0, this.#grid.dueIndex(nowMs - this.#best.offsetMs) + 1);
    // Rounding may put a tick that is exactly now on either side.
    if (this.atMs(index) <= nowMs) index++;
    return { index, atMs: this.atMs(index) };
  }

  atMs(index: number): number {
    return this.toLocalMs(this.#grid.atMs(index));
  }

  /** A time of the worker's clock as this process's. */
  toLocalMs(workerMs: number): number {
    return workerMs + this.#best.offsetMs;
  }
}
