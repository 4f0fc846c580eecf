import { describe, expect, it } from 'vitest';
import { toneQuality, toneTrack } from './quality.ts';

describe('a tone through a path', () => {
  it('is told from noise 30 dB below it, and from its own level', () => {
    const microphone = toneTrack(2);
    const noisePeak = 0.1 * Math.SQRT1_2 * Math.sqrt(3) * 10 ** (-30 / 20);
    let state = 7;
    const received = microphone.map((sample) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return sample / 2 + noisePeak * (state / 2 ** 31 - 1);
    });
    const { snrDb, gainDb, gapMs } = toneQuality({ microphone, received });
    expect(snrDb).toBeCloseTo(30, 0);
    expect(gainDb).toBeCloseTo(-6.02, 1);
    expect(gapMs).toBe(0);
  });

  it('is missed where it is cut out', () => {
    const microphone = toneTrack(2);
    const received = microphone.slice().fill(0, 48_000, 48_000 + 1_920);
    expect(toneQuality({ microphone, received }).gapMs).toBe(40);
  });
});
