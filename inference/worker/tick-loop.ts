import { EventEmitter } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Engine, SlotOutput } from '../engine/engine.ts';
import type { DeskInput, FrameDesk } from './frame-desk.ts';
import { TickGrid } from './tick-grid.ts';

/** What one tick did. Times are on the worker's clock. */
export interface TickResult {
  readonly tickIndex: number;
  readonly inputs: readonly DeskInput[];
  /** One per input, in the same order. */
  readonly outputs: readonly SlotOutput[];
  readonly beganMs: number;
  readonly endedMs: number;
  /** The engine's own measure; 0 where nothing was stepped. */
  readonly stepMs: number;
  readonly batchSize: number;
  readonly beganLateMs: number;
  readonly lateTickCount: number;
  readonly skippedTickCount: number;
}

export type TickLoopEvents = {
  ticked: [result: TickResult];
  /** The engine threw: its state can no longer be trusted, and the loop has ended. */
  failed: [error: unknown];
};

export interface TickLoopOptions {
  readonly engine: Engine;
  readonly desk: FrameDesk;
  readonly periodMs: number;
  readonly graceMs: number;
  readonly nowMs: () => number;
}

/**
 * `setTimeout` counts whole milliseconds and was seen to fire up to 0.9 ms late (median 0.3), so it is asked to fire this
 * much before the tick, and the rest is slept in a futex: 0.1 ms late (at most 0.15 of 150), and unlike spinning free.
 */
const TIMER_SLACK_MS = 1.5;

/**
 * Owns the tick: one step for all slots at each, as soon as the frames of all that are sending are there, at most
 * `graceMs` after it was due. A step that overruns makes the next one begin late; ticks whose successor is already due
 * by then are skipped. So lag stays under one period and never adds up.
 */
export class TickLoop extends EventEmitter<TickLoopEvents> {
  readonly grid: TickGrid;
  readonly #options: TickLoopOptions;
  readonly #sleepCell = new Int32Array(new SharedArrayBuffer(4));
  readonly #betweenSteps: (() => void)[] = [];
  #isStepping = false;
  #isStopped = false;
  #ended: Promise<void> | undefined;
  #endWait: (() => void) | undefined;
  #endGrace: (() => void) | undefined;
  #lateTickCount = 0;
  #skippedTickCount = 0;

  /** Tick 0 is one period from now. */
  constructor(options: TickLoopOptions) {
    super();
    this.#options = options;
    this.grid = new TickGrid(options.nowMs() + options.periodMs, options.periodMs);
  }

  start(): void {
    this.#ended = this.#run();
  }

  /** Resolves when the step under way, if any, has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#endWait?.();
    this.#endGrace?.();
    await this.#ended;
  }

  /** Runs `change`, which touches the engine, now or when the step under way has ended. */
  betweenSteps(change: () => void): void {
    if (this.#isStepping) this.#betweenSteps.push(change);
    else change();
  }

  /** To be told of every frame put on the desk: it may be the one that the tick waits for. */
  frameCame(): void {
    if (this.#endGrace && this.#options.desk.isComplete()) this.#endGrace();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isStopped) await this.#tick();
    } catch (error) {
      this.emit('failed', error);
    }
  }

  async #tick(): Promise<void> {
    const { desk, nowMs, graceMs } = this.#options;
    await this.#sleepUntil(this.grid.atMs(desk.nextTick));
    // A first turn ends the poll that is under way, the second one reads what came while a step blocked the loop.
    await nextTurn();
    await nextTurn();
    this.#skippedTickCount += desk.skipTo(this.grid.dueIndex(nowMs()));
    if (!desk.isComplete()) await this.#graceUntil(this.grid.atMs(desk.nextTick) + graceMs);
    if (!this.#isStopped) await this.#step();
  }

  async #step(): Promise<void> {
    const { desk, engine, nowMs } = this.#options;
    const tickIndex = desk.nextTick;
    const inputs = desk.take();
    const beganMs = nowMs();
    this.#isStepping = true;
    const outputs = inputs.length === 0 ? [] : await engine.step(inputs);
    const endedMs = nowMs();
    if (endedMs > this.grid.atMs(tickIndex + 1)) this.#lateTickCount++;
    this.emit('ticked', {
      tickIndex,
      inputs,
      outputs,
      beganMs,
      endedMs,
      stepMs: inputs.length === 0 ? 0 : engine.lastReport.stepMs,
      batchSize: inputs.length === 0 ? 0 : engine.lastReport.batchSize,
      beganLateMs: beganMs - this.grid.atMs(tickIndex),
      lateTickCount: this.#lateTickCount,
      skippedTickCount: this.#skippedTickCount,
    });
    // Only now, so that who listens has seen the step before the changes that came during it.
    this.#isStepping = false;
    for (const change of this.#betweenSteps.splice(0)) change();
  }

  async #sleepUntil(atMs: number): Promise<void> {
    const coarseMs = Math.floor(atMs - this.#options.nowMs() - TIMER_SLACK_MS);
    if (coarseMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, coarseMs);
        this.#endWait = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#endWait = undefined;
    }
    const restMs = atMs - this.#options.nowMs();
    if (restMs > 0 && !this.#isStopped) Atomics.wait(this.#sleepCell, 0, 0, restMs);
  }

  async #graceUntil(atMs: number): Promise<void> {
    const restMs = Math.ceil(atMs - this.#options.nowMs());
    if (restMs <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, restMs);
      this.#endGrace = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endGrace = undefined;
  }
}
