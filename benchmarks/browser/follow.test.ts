import { describe, expect, it } from 'vitest';
import { follow } from './follow.ts';

const RATE_HZ = 24_000;

/** A voice-like glide with syllables: `seed` changes its pitch. */
function voice(ms: number, seed: number): Float32Array {
  let phase = 0;
  return Float32Array.from({ length: (ms * RATE_HZ) / 1000 }, (_, i) => {
    const t = i / RATE_HZ;
    phase += (2 * Math.PI * (150 + 20 * seed + 60 * Math.sin(2.3 * t + seed))) / RATE_HZ;
    return 0.2 * (Math.sin(phase) + 0.5 * Math.sin(2 * phase)) * (0.6 + 0.4 * Math.sin(19 * t));
  });
}

function delayed(pcm: Float32Array, samples: number, gain: number): Float32Array {
  const heard = new Float32Array(pcm.length + samples);
  heard.set(
    pcm.map((sample) => sample * gain),
    samples,
  );
  return heard;
}

describe('a sound followed through a path', () => {
  it('is found with its delay, gain and likeness', async () => {
    const given = voice(2_000, 1);
    const followed = await follow(
      { sampleRateHz: RATE_HZ, pcm: given },
      { sampleRateHz: RATE_HZ, pcm: delayed(given, 3_600, 0.5) },
    );
    expect(followed.correlation).toBeGreaterThan(0.9999);
    expect(followed.gainDb).toBeCloseTo(-6.02, 1);
    expect(followed.stretches).toHaveLength(10);
    for (const { delayMs } of followed.stretches) expect(delayMs).toBeCloseTo(150, 3);
  });

  it('is found at another rate, and where the hearing began later than the giving', async () => {
    const given = voice(2_000, 1);
    const heard = Float32Array.from({ length: 2 * given.length }, (_, i) => given[Math.floor(i / 2)]!).subarray(24_000);
    const followed = await follow({ sampleRateHz: RATE_HZ, pcm: given }, { sampleRateHz: 2 * RATE_HZ, pcm: heard });
    expect(followed.correlation).toBeGreaterThan(0.99);
    expect(followed.stretches.at(-1)!.delayMs).toBeCloseTo(-500, 0);
  });

  it('is still found where 10 ms were cut out of its middle', async () => {
    const given = voice(2_000, 1);
    const heard = Float32Array.from([...given.subarray(0, 24_000), ...given.subarray(24_240)]);
    const followed = await follow({ sampleRateHz: RATE_HZ, pcm: given }, { sampleRateHz: RATE_HZ, pcm: heard });
    expect(followed.correlation).toBeGreaterThan(0.95);
    expect(followed.stretches.at(-1)!.delayMs).toBeCloseTo(-10, 1);
  });

  it('is not found in another sound', async () => {
    const followed = await follow(
      { sampleRateHz: RATE_HZ, pcm: voice(2_000, 1) },
      { sampleRateHz: RATE_HZ, pcm: voice(3_000, 8) },
    );
    expect(followed.correlation).toBeLessThan(0.8);
  });

  it('is nothing where it is silent', async () => {
    const silence = { sampleRateHz: RATE_HZ, pcm: new Float32Array(RATE_HZ) };
    expect(await follow(silence, silence)).toMatchObject({ stretches: [], correlation: 0 });
  });
});
