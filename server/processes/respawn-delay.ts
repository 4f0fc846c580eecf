/** A process that lived this long is no part of a series of failures. */
const STEADY_MS = 10_000;
const DELAY_MS_FIRST = 100;
const DELAY_MS_MAX = 5_000;

/** How long to wait before a process is started again: not at all at first, longer while it keeps failing. */
export class RespawnDelay {
  #failureCount = 0;
  #startedAtMs = 0;

  started(nowMs: number): void {
    this.#startedAtMs = nowMs;
  }

  /** @returns milliseconds to wait after the failure at `nowMs`. */
  failed(nowMs: number): number {
    if (nowMs - this.#startedAtMs >= STEADY_MS) this.#failureCount = 0;
    const delayMs = this.#failureCount === 0 ? 0 : DELAY_MS_FIRST * 2 ** (this.#failureCount - 1);
    this.#failureCount += 1;
    return Math.min(DELAY_MS_MAX, delayMs);
  }
}
