import { describe, expect, it } from 'vitest';
import { type Scheduled, Scheduler } from './scheduler.ts';

/** Wants to be polled every `periodMs`, and notes how late it was. */
class Metronome implements Scheduled {
  readonly latenessMs: number[] = [];
  readonly #periodMs: number;
  #nextMs: number;

  constructor(periodMs: number, phaseMs: number) {
    this.#periodMs = periodMs;
    this.#nextMs = performance.now() + phaseMs;
  }

  poll(nowMs: number): number {
    while (this.#nextMs <= nowMs) {
      this.latenessMs.push(nowMs - this.#nextMs);
      this.#nextMs += this.#periodMs;
    }
    return this.#nextMs;
  }

  pollFailed(error: unknown): void {
    throw error;
  }
}

describe('the scheduler of all calls', () => {
  it('wakes each when it asked for it, half of the time within 2 ms', async () => {
    const scheduler = new Scheduler();
    const metronomes = Array.from({ length: 10 }, (_, i) => new Metronome(20, 1.7 * i));
    for (const metronome of metronomes) scheduler.add(metronome);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    scheduler.close();
    for (const { latenessMs } of metronomes) {
      expect(latenessMs.length).toBeGreaterThan(40);
      expect(latenessMs.toSorted((a, b) => a - b)[Math.floor(latenessMs.length / 2)]).toBeLessThan(2);
    }
  });

  it('polls at once on input, and no longer once removed', async () => {
    const scheduler = new Scheduler();
    const polls: number[] = [];
    const scheduled: Scheduled = {
      poll: (nowMs) => {
        polls.push(nowMs);
        return Number.POSITIVE_INFINITY;
      },
      pollFailed: (error) => {
        throw error;
      },
    };
    scheduler.add(scheduled);
    expect(polls.length).toBe(1);
    scheduler.wake(scheduled);
    expect(polls.length).toBe(2);
    scheduler.remove(scheduled);
    scheduler.wake(scheduled);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(polls.length).toBe(2);
  });

  it('leaves out one that throws, tells it, and goes on with the others', async () => {
    const scheduler = new Scheduler();
    const healthy = new Metronome(20, 0);
    const failures: unknown[] = [];
    let polls = 0;
    const broken: Scheduled = {
      poll: (nowMs) => {
        polls += 1;
        if (polls === 2) throw new Error('broken');
        return nowMs + 20;
      },
      pollFailed: (error) => failures.push(error),
    };
    scheduler.add(broken);
    scheduler.add(healthy);
    await new Promise((resolve) => setTimeout(resolve, 300));
    scheduler.close();
    expect(failures).toEqual([new Error('broken')]);
    expect(polls).toBe(2);
    expect(healthy.latenessMs.length).toBeGreaterThan(10);
  });
});
