/** The instants at which ticks are due, on one clock: computed from the first, so that they never drift. */
export class TickGrid {
  readonly zeroMs: number;
  readonly periodMs: number;

  constructor(zeroMs: number, periodMs: number) {
    this.zeroMs = zeroMs;
    this.periodMs = periodMs;
  }

  atMs(index: number): number {
    return this.zeroMs + index * this.periodMs;
  }

  /** The newest tick that is due at `nowMs`; negative before the first. */
  dueIndex(nowMs: number): number {
    return Math.floor((nowMs - this.zeroMs) / this.periodMs);
  }
}
