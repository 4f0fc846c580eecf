/** A thing that has to be polled at times of its own choice. */
export interface Scheduled {
  /** Does what is due and says when it is needed next, in monotonic milliseconds; infinity for never. */
  poll(nowMs: number): number;
  /** Told when `poll` threw: it is not polled again. */
  pollFailed(error: unknown): void;
}

/**
 * One timer for all calls of the process: it sleeps until the earliest wake-up and then polls everyone who is due.
 * Node's timers fire 0 to 1 ms after the whole millisecond that was asked for; so it asks for the whole milliseconds
 * that are left, rounded down, and for the rest once more, which keeps the usual lateness under a millisecond without
 * spinning. One whose poll throws is left out from then on: the others go on.
 */
export class Scheduler {
  readonly #wakeAtMs = new Map<Scheduled, number>();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  /** Polls at once, and again whenever it asked for. */
  add(scheduled: Scheduled): void {
    this.#wakeAtMs.set(scheduled, 0);
    this.wake(scheduled);
  }

  remove(scheduled: Scheduled): void {
    this.#wakeAtMs.delete(scheduled);
    if (this.#wakeAtMs.size === 0) this.close();
  }

  /** Polls now, because something came in. */
  wake(scheduled: Scheduled): void {
    if (!this.#wakeAtMs.has(scheduled)) return;
    this.#poll(scheduled, performance.now());
    this.#arm();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #poll(scheduled: Scheduled, nowMs: number): void {
    try {
      const wakeAtMs = scheduled.poll(nowMs);
      // It may have been removed by what it did.
      if (this.#wakeAtMs.has(scheduled)) this.#wakeAtMs.set(scheduled, wakeAtMs);
    } catch (error) {
      this.remove(scheduled);
      scheduled.pollFailed(error);
    }
  }

  #arm(): void {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const wakeAtMs of this.#wakeAtMs.values()) earliestMs = Math.min(earliestMs, wakeAtMs);
    if (earliestMs === this.#timerAtMs) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = earliestMs;
    if (earliestMs === Number.POSITIVE_INFINITY) return;
    const leftMs = earliestMs - performance.now();
    this.#timer = setTimeout(() => this.#fire(), Math.max(0, Math.floor(leftMs)));
  }

  #fire(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = performance.now();
    for (const [scheduled, wakeAtMs] of this.#wakeAtMs) {
      if (wakeAtMs <= nowMs) this.#poll(scheduled, nowMs);
    }
    this.#arm();
  }
}
