import { FRAME_MS } from '../audio.ts';

/** Replies of the last ten seconds decide: long enough to hold the 99th percentile, short enough to forget a stall. */
const WINDOW_TICKS = 125;
/** The second latest of 125 is their 99th percentile. */
const RANK = 1;
/** Above it, for the timer that hands packets over. */
const MARGIN_MS = 0.5;
/** Added while a call's own replies say little. */
const START_TICKS = 25;
const START_MARGIN_MS = 2;
/** Replies of a call's first second, while code runs for the first time: they say nothing of the later ones. */
const COLD_TICKS = 12;
/** How fast the offset shrinks: 6 ms in a second, which a receiver's own buffer follows without a sound. */
const SHRINK_MS_PER_TICK = 0.5;
/** A step may take up to a whole tick, and its link something; a peer that is slower than this is overloaded. */
const OFFSET_MS_MAX = 1.5 * FRAME_MS;

/**
 * How long after a tick its first packet is due: the 99th percentile of how long replies take, so that packets leave
 * evenly although steps do not take the same time. Grows at once, shrinks slowly.
 */
export class PacingOffset {
  readonly #delaysMs: number[] = [];
  #isStarting = true;
  #offsetMs = 0;

  /** Milliseconds, 0 to 120; 0 before the first reply. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** @param replyMs from a tick to the arrival of its reply. */
  add(replyMs: number): void {
    const isFirst = this.#delaysMs.length === 0;
    this.#delaysMs.push(replyMs);
    if (this.#delaysMs.length > WINDOW_TICKS) this.#delaysMs.shift();
    if (this.#isStarting && this.#delaysMs.length >= START_TICKS) {
      this.#isStarting = false;
      this.#delaysMs.splice(0, COLD_TICKS);
    }
    const latestFirst = this.#delaysMs.toSorted((a, b) => b - a);
    const covered = this.#isStarting ? latestFirst[0]! : latestFirst[RANK]!;
    const wanted = Math.min(OFFSET_MS_MAX, covered + MARGIN_MS + (this.#isStarting ? START_MARGIN_MS : 0));
    this.#offsetMs = isFirst ? wanted : Math.max(wanted, this.#offsetMs - SHRINK_MS_PER_TICK);
  }

  /** Forgets the peer; the next reply sets the offset anew. */
  clear(): void {
    this.#delaysMs.length = 0;
    this.#isStarting = true;
  }
}
