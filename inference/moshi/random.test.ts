import { describe, expect, it } from 'vitest';
import { philox, uniform } from './random.ts';

describe('the counter-based generator', () => {
  // Known answers published with Random123, file kat_vectors, philox4x32 10 rounds.
  it('gives the published words of Philox4x32-10', () => {
    const ones = 0xffff_ffff;
    expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
    expect(philox([ones, ones, ones, ones], [ones, ones])).toEqual([
      0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd,
    ]);
    const pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
    expect(philox(pi, [0xa409_3822, 0x299f_31d0])).toEqual([0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
  });

  it('gives each seed, step and choice a number of its own in [0, 1)', () => {
    const numbers = [0n, 1n, 1n << 40n].flatMap((seed) =>
      [0, 1, 2 ** 33].flatMap((step) => [0, 1, 8].map((choice) => uniform(seed, step, choice))),
    );
    expect(new Set(numbers).size).toBe(27);
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  });
});
