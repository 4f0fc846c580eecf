import { describe, expect, it } from 'vitest';
import { WorkerClock } from './clock.ts';

describe("the worker's clock, seen from a client", () => {
  it('names the next tick in local time', () => {
    const clock = new WorkerClock(1000, 80, 3);
    // The worker's clock is 500 behind.
    clock.addPong(1500, 1001, 1502);
    expect(clock.nextTick(1400)).toEqual({ index: 0, atMs: 1500 });
    expect(clock.nextTick(1500)).toEqual({ index: 1, atMs: 1580 });
    expect(clock.nextTick(1579.9)).toEqual({ index: 1, atMs: 1580 });
    expect(clock.atMs(100)).toBe(9500);
    expect(clock.uncertaintyMs).toBe(1);
  });

  it('is always later than now, whatever the rounding', () => {
    const clock = new WorkerClock(0.1, 80, 3);
    clock.addPong(0.7, 1 / 3, 0.9);
    for (let index = 0; index < 1000; index++) {
      const nowMs = clock.atMs(index);
      expect(clock.nextTick(nowMs).atMs).toBeGreaterThan(nowMs);
      expect(clock.nextTick(nowMs).index).toBe(index + 1);
    }
  });

  it('believes the quickest of the last eight pongs', () => {
    const clock = new WorkerClock(0, 80, 3);
    clock.addPong(100, 100, 100.2);
    clock.addPong(200, 250, 300);
    expect(clock.toLocalMs(0)).toBeCloseTo(0.1);
    for (let i = 0; i < 8; i++) clock.addPong(1000 + i, 900.5 + i, 1001 + i);
    expect(clock.toLocalMs(0)).toBe(100);
  });

  it('follows a clock that drifts by 100 ppm to within 0.9 ms', () => {
    const clock = new WorkerClock(0, 80, 3);
    for (let second = 0; second < 3600; second++) {
      const localMs = second * 1000;
      clock.addPong(localMs, (localMs + 0.1) * 1.0001, localMs + 0.2);
      // Of eight samples the oldest is 7 s old: 0.7 ms at 100 ppm.
      if (second > 8) expect(Math.abs(clock.toLocalMs(localMs * 1.0001) - localMs)).toBeLessThan(0.9);
    }
  });
});
