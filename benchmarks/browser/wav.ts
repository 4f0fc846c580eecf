import { writeFileSync } from 'node:fs';
import { encodeWaveFromFloat32Channels } from '@echogarden/wave-codec';

export interface Sound {
  readonly sampleRateHz: number;
  /** Mono, nominal [-1, 1]. */
  readonly pcm: Float32Array;
}

/** Writes 16-bit PCM, which Chromium's microphone takes. */
export function writeWav(path: string, { sampleRateHz, pcm }: Sound): void {
  writeFileSync(path, encodeWaveFromFloat32Channels([pcm], sampleRateHz, 16));
}
