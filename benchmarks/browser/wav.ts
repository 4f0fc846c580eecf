import { readFileSync, writeFileSync } from 'node:fs';
import { decodeWaveToFloat32Channels, encodeWaveFromFloat32Channels } from '@echogarden/wave-codec';

export interface Sound {
  readonly sampleRateHz: number;
  /** Mono, nominal [-1, 1]. */
  readonly pcm: Float32Array;
}

/** Writes 16-bit PCM, which Chromium's microphone takes. */
export function writeWav(path: string, { sampleRateHz, pcm }: Sound): void {
  writeFileSync(path, encodeWaveFromFloat32Channels([pcm], sampleRateHz, 16));
}

/** @returns the first channel. */
export function readWav(path: string): Sound {
  const { audioChannels, sampleRate } = decodeWaveToFloat32Channels(readFileSync(path));
  const pcm = audioChannels[0];
  if (!pcm) throw new Error(`${path} has no channel`);
  return { sampleRateHz: sampleRate, pcm };
}
