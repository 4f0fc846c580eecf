import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeWaveFromFloat32Channels } from '@echogarden/wave-codec';
import { afterAll, describe, expect, it } from 'vitest';
import { readSound } from './sound-file.ts';

/** A tone of 440 Hz and 0.5, from 0.25 s to 0.75 s of a second, in two channels at 48 kHz. */
const OPUS = join(import.meta.dirname, 'fixtures/tone.opus');
const folder = mkdtempSync(join(tmpdir(), 'parley-sound-'));
afterAll(() => rmSync(folder, { recursive: true }));

const rms = (pcm: Float32Array, fromS: number, toS: number) => {
  const part = pcm.subarray(fromS * 24_000, toS * 24_000);
  return Math.sqrt(part.reduce((sum, value) => sum + value ** 2, 0) / part.length);
};

describe('a recording', () => {
  it('in Ogg Opus is heard where and as loud as it was', async () => {
    const pcm = await readSound(OPUS);
    expect(pcm).toHaveLength(24_000);
    expect(rms(pcm, 0.3, 0.7)).toBeCloseTo(0.5 / Math.SQRT2, 2);
    expect(rms(pcm, 0, 0.24)).toBeLessThan(0.005);
    expect(rms(pcm, 0.76, 1)).toBeLessThan(0.005);
  });

  it('in a WAV of another rate is heard as long as it was', async () => {
    const path = join(folder, 'other.wav');
    writeFileSync(path, encodeWaveFromFloat32Channels([new Float32Array(8000).fill(0.1)], 16_000));
    expect(await readSound(path)).toHaveLength(12_000);
  });

  it.each([
    ['cut off', readFileSync(OPUS).subarray(0, 40)],
    ['of another format', Buffer.from('fLaC and so on')],
    ['empty', Buffer.alloc(0)],
  ])('that is %s is refused', async (_, bytes) => {
    const path = join(folder, 'bad');
    writeFileSync(path, bytes);
    await expect(readSound(path)).rejects.toMatchObject({ code: 'PROMPT_UNREADABLE' });
  });

  it('that is not there is refused', async () => {
    await expect(readSound(join(folder, 'none'))).rejects.toMatchObject({ code: 'PROMPT_UNREADABLE' });
  });
});
