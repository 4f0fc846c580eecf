import { describe, expect, it } from 'vitest';
import { RespawnDelay } from './respawn-delay.ts';

describe('a process that fails', () => {
  it('is started again at once, and ever more slowly while it keeps failing', () => {
    const delay = new RespawnDelay();
    delay.started(0);
    const delaysMs = Array.from({ length: 9 }, (_, index) => delay.failed(index));
    expect(delaysMs).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('is started at once again after it had lived for a while', () => {
    const delay = new RespawnDelay();
    delay.started(0);
    delay.failed(1);
    delay.started(2);
    expect(delay.failed(10_002)).toBe(0);
  });
});
