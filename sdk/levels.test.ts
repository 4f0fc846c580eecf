import { describe, expect, it } from 'vitest';
import { levelDbfs, SILENCE_DBFS } from './levels.ts';

describe('the level of a block of samples', () => {
  it('is −3 dBFS for a full-scale sine', () => {
    const sine = Float32Array.from({ length: 4_800 }, (_, index) => Math.sin((2 * Math.PI * 100 * index) / 48_000));

    expect(levelDbfs(sine)).toBeCloseTo(-3.01, 2);
  });

  it('bottoms out at silence, also without samples', () => {
    expect(levelDbfs(new Float32Array(2_048))).toBe(SILENCE_DBFS);
    expect(levelDbfs(new Float32Array(0))).toBe(SILENCE_DBFS);
  });
});
