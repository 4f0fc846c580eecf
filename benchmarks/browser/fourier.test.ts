import { describe, expect, it } from 'vitest';
import { crossCorrelation, normalizedCorrelation, peakPosition } from './fourier.ts';

/** Uneven enough to be like nothing but itself. */
function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

describe('correlation', () => {
  it('is the sum of products at every lag', () => {
    const signal = noise(50, 1);
    const template = noise(7, 2);
    const padded = [...signal, ...new Array<number>(7).fill(0)];
    const expected = Array.from(signal, (_, lag) =>
      template.reduce((sum, value, i) => sum + value * padded[lag + i]!, 0),
    );
    for (const [lag, value] of crossCorrelation(signal, template).entries())
      expect(value).toBeCloseTo(expected[lag]!, 6);
  });

  it('is 1 where a quieter copy lies, and under 0.5 elsewhere in noise', () => {
    const template = noise(200, 3);
    const signal = noise(1_000, 4);
    signal.set(
      template.map((value) => value * 0.2),
      640,
    );
    const values = normalizedCorrelation(signal, template);
    expect(values[640]).toBeCloseTo(1, 5);
    expect(Math.max(...values.filter((_, lag) => lag !== 640))).toBeLessThan(0.5);
  });

  it('is 0 in silence', () => {
    const values = normalizedCorrelation(new Float32Array(500), noise(50, 5));
    expect(Math.max(...values.map(Math.abs))).toBe(0);
  });

  it('finds a peak between two samples', () => {
    const at = 4.3;
    const values = Float64Array.from({ length: 9 }, (_, i) => 1 - (i - at) ** 2 / 50);
    expect(peakPosition(values, 4)).toBeCloseTo(at, 9);
  });
});
