/** Replies of the last ten seconds decide: long enough to hold the 99th percentile, short enough to forget a stall. */
const WINDOW_TICKS = 125;
/** The second latest of 125 is their 99th percentile. */
const RANK = 1;
/** Above it, for the timer that hands packets over. */
const MARGIN_MS = 0.5;
/** How fast the offset shrinks: 6 ms in a second, which a receiver's own buffer follows without a sound. */
const SHRINK_MS_PER_TICK = 0.5;
/** A peer that slow is behind by more than a packet anyway. */
const OFFSET_MS_MAX = 60;

/**
 * How long after a tick its first packet is due: the 99th percentile of how long replies take, so that packets leave
 * evenly although steps do not take the same time. Grows at once, shrinks slowly.
 */
export class PacingOffset {
  readonly #delaysMs: number[] = [];
  #offsetMs = 0;

  /** Milliseconds, 0 to 60. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  /** @param replyMs from a tick to the arrival of its reply. */
  add(replyMs: number): void {
    this.#delaysMs.push(replyMs);
    if (this.#delaysMs.length > WINDOW_TICKS) this.#delaysMs.shift();
    const sorted = this.#delaysMs.toSorted((a, b) => b - a);
    const target = Math.min(OFFSET_MS_MAX, (sorted[RANK] ?? sorted[0]!) + MARGIN_MS);
    this.#offsetMs = target >= this.#offsetMs ? target : Math.max(target, this.#offsetMs - SHRINK_MS_PER_TICK);
  }
}
