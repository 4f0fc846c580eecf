import { FRAME_MS } from '../audio.ts';
import type { FramePeer, Tick } from './frame-peer.ts';

/** What the frame clock needs of a peer. */
export type TickSource = Pick<FramePeer, 'nextTick' | 'leadMs'>;

export interface DueFrame {
  readonly tick: Tick;
  /** When the frame was to be handed over. */
  readonly dueMs: number;
  /** Ticks that passed without a frame since the last one. */
  readonly skippedCount: number;
  /** True where the peer's ticks have moved, so that the old alignment is worth nothing. */
  readonly isMoved: boolean;
}

/** A frame handed over later than this after its tick would only be thrown away. */
const LATE_MS_MAX = 5;
/** Estimates of the peer's clock move by less than this. */
const MOVED_MS = 5;

/** Says when the frame of which tick has to leave. */
export class FrameClock {
  readonly #source: TickSource;
  #next: Tick;
  #last: Tick | undefined;

  constructor(source: TickSource, nowMs: number) {
    this.#source = source;
    this.#next = source.nextTick(nowMs + source.leadMs);
  }

  get dueMs(): number {
    return this.#next.atMs - this.#source.leadMs;
  }

  /** @returns the frame that is due at `nowMs`, once; undefined where none is. */
  take(nowMs: number): DueFrame | undefined {
    if (nowMs < this.dueMs) return undefined;
    if (nowMs > this.#next.atMs + LATE_MS_MAX) this.#next = this.#source.nextTick(nowMs + this.#source.leadMs);
    if (nowMs < this.dueMs) return undefined;
    const tick = this.#next;
    const elapsed = this.#last === undefined ? 1 : tick.index - this.#last.index;
    const expectedMs = this.#last === undefined ? tick.atMs : this.#last.atMs + elapsed * FRAME_MS;
    const due = {
      tick,
      dueMs: this.dueMs,
      skippedCount: elapsed - 1,
      isMoved: Math.abs(tick.atMs - expectedMs) > MOVED_MS,
    };
    this.#last = tick;
    this.#next = this.#tickAfter(tick);
    return due;
  }

  #tickAfter(tick: Tick): Tick {
    // From the middle between two ticks, so that a corrected estimate can neither repeat a tick nor leave one out.
    const next = this.#source.nextTick(tick.atMs + FRAME_MS / 2);
    if (next.index > tick.index) return next;
    return { index: tick.index + 1, atMs: tick.atMs + FRAME_MS };
  }
}
