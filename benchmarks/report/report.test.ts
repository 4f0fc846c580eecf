import { describe, expect, it } from 'vitest';
import { quantile, rounded } from './report.ts';

describe('a report', () => {
  it('gives the nearest rank of unsorted values', () => {
    const values = [5, 1, 4, 2, 3];
    expect([0, 0.5, 0.99, 1].map((q) => quantile(values, q))).toEqual([1, 3, 5, 5]);
  });

  it('has no quantile of nothing', () => {
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('keeps four significant digits', () => {
    expect([123_456, 0.000_123_456, 0].map(rounded)).toEqual([123_500, 0.000_123_5, 0]);
  });
});
