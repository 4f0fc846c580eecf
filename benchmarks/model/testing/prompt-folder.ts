import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeWaveFromFloat32Channels } from '@echogarden/wave-codec';

/** A "word" of 440 Hz between silences: 24 kHz, its edges on windows of 10 ms. */
export function toneWord(silentMs: number, wordMs: number, level = 0.2): Float32Array {
  const pcm = new Float32Array(((silentMs * 2 + wordMs) * 24_000) / 1000);
  const [first, end] = [silentMs * 24, (silentMs + wordMs) * 24];
  for (let i = first; i < end; i++) pcm[i] = level * Math.sin((2 * Math.PI * 440 * i) / 24_000);
  return pcm;
}

/** Writes a folder of prompts, each with the sound that is given or a tone of half a second. */
export function writePrompts(
  folder: string,
  entries: readonly (Readonly<Record<string, unknown>> & { readonly pcm?: Float32Array })[],
): string {
  mkdirSync(folder, { recursive: true });
  const manifest = entries.map(({ pcm = toneWord(100, 500), ...entry }, index) => {
    const file = `${index}.wav`;
    writeFileSync(join(folder, file), encodeWaveFromFloat32Channels([pcm], 24_000));
    return { file, slots: {}, text: '', voice: 'tone', ...entry };
  });
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return folder;
}
