import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BitDepth, encodeWaveFromFloat32Channels, SampleFormat } from '@echogarden/wave-codec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resample } from './resample.ts';
import { readWav, writeWav } from './wav-file.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-wav-'));
});
afterAll(() => rm(dir, { recursive: true }));

const tone = (rateHz: number, seconds: number, level = 0.5, hz = 440) =>
  Float32Array.from(
    { length: Math.round(rateHz * seconds) },
    (_, i) => level * Math.sin((2 * Math.PI * hz * i) / rateHz),
  );

/** The largest difference, the ends left out, where a filter has nothing to look at. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  for (let i = 1200; i < a.length - 1200; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

async function givenFile(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, bytes);
  return path;
}

describe('a WAV file', () => {
  it.each<[rateHz: number, channelCount: number, bits: BitDepth, format: SampleFormat, error: number]>([
    [24_000, 1, 16, SampleFormat.PCM, 4e-5],
    [8000, 1, 8, SampleFormat.Mulaw, 0.02],
    [8000, 1, 8, SampleFormat.Alaw, 0.02],
    [11_025, 1, 8, SampleFormat.PCM, 0.02],
    [16_000, 2, 16, SampleFormat.PCM, 1e-4],
    [44_100, 2, 24, SampleFormat.PCM, 1e-6],
    [48_000, 6, 32, SampleFormat.PCM, 1e-6],
    [96_000, 1, 32, SampleFormat.Float, 1e-6],
    [192_000, 2, 64, SampleFormat.Float, 1e-6],
  ])(
    'of %i Hz, %i channels, %i bit (format %i) is heard as it was',
    async (rateHz, channelCount, bits, format, error) => {
      const channels = Array.from({ length: channelCount }, () => tone(rateHz, 0.8));
      const path = await givenFile('any.wav', encodeWaveFromFloat32Channels(channels, rateHz, bits, format));
      const heard = await readWav(path);
      expect(heard).toHaveLength(19_200);
      expect(largestDifference(heard, tone(24_000, 0.8))).toBeLessThan(error);
    },
  );

  it('of several channels is heard as their mean', async () => {
    const channels = [tone(24_000, 0.2, 0.8), new Float32Array(4800)];
    const path = await givenFile('two.wav', encodeWaveFromFloat32Channels(channels, 24_000, 32, SampleFormat.Float));
    expect(largestDifference(await readWav(path), tone(24_000, 0.2, 0.4))).toBeLessThan(1e-6);
  });

  it('comes back as it was written, clipped at full scale', async () => {
    const path = join(dir, 'written.wav');
    await writeWav(path, tone(24_000, 0.5, 1.5));
    const clipped = tone(24_000, 0.5, 1.5).map((value) => Math.max(-1, Math.min(1, value)));
    expect(largestDifference(await readWav(path), clipped)).toBeLessThan(1e-4);
  });

  it.each([
    ['that is empty', new Uint8Array()],
    ['of something else', new TextEncoder().encode('OggS, and what follows it in a file of some length')],
    ['cut off in its header', encodeWaveFromFloat32Channels([tone(24_000, 0.1)], 24_000).subarray(0, 30)],
    ['without a sample', encodeWaveFromFloat32Channels([new Float32Array()], 24_000)],
    ['with a rate of 0', encodeWaveFromFloat32Channels([tone(24_000, 0.1)], 0)],
    [
      'with a sample that is not a number',
      encodeWaveFromFloat32Channels([Float32Array.of(0, Number.NaN)], 24_000, 32, SampleFormat.Float),
    ],
  ])('%s is refused', async (_, bytes) => {
    const path = await givenFile('bad.wav', bytes);
    await expect(readWav(path)).rejects.toMatchObject({ name: 'ServerError', code: 'WAV_INVALID' });
  });

  it('that is not there is refused, and so is a place that is not there', async () => {
    await expect(readWav(join(dir, 'none.wav'))).rejects.toMatchObject({ code: 'WAV_UNREADABLE' });
    const path = join(dir, 'none', 'out.wav');
    await expect(writeWav(path, tone(24_000, 0.1))).rejects.toMatchObject({ code: 'WAV_UNWRITABLE' });
  });
});

describe('resampling', () => {
  it.each([8000, 44_100, 48_000])('keeps every sample of a long recording at its time, from %i Hz', async (rateHz) => {
    const seconds = 50;
    const resampled = await resample(tone(rateHz, seconds), rateHz, 24_000);
    expect(resampled).toHaveLength(seconds * 24_000);
    expect(largestDifference(resampled, tone(24_000, seconds))).toBeLessThan(1e-6);
  });
});
