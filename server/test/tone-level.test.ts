import { describe, expect, it } from 'vitest';
import { toneLevelDb } from './tone-level.ts';

const RATE_HZ = 48_000;
const tone = (hz: number, amplitude: number): Float32Array =>
  Float32Array.from({ length: RATE_HZ }, (_, i) => amplitude * Math.sin((2 * Math.PI * hz * i) / RATE_HZ));

describe('the level of a tone', () => {
  it('is that of its sine', () => {
    expect(toneLevelDb(tone(701, 0.5), 701, RATE_HZ)).toBeCloseTo(-6.02, 1);
  });

  it('is below −80 dB at the frequency of another tone', () => {
    expect(toneLevelDb(tone(701, 1), 809, RATE_HZ)).toBeLessThan(-80);
  });
});
