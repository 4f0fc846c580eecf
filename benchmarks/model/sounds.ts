import { SAMPLE_RATE_HZ } from '../../inference/index.ts';
import { samplesIn } from './timing.ts';

/** A good microphone in a quiet room: digital silence is rare in a call. */
export const ROOM_DBFS = -65;

/** @returns white noise of a level, the same for the same seed. */
export function noise(ms: number, dbfs: number, seed: number): Float32Array {
  const random = randomNumbers(seed);
  // Uniform numbers of [-1, 1] have an RMS of 1 / sqrt(3).
  const scale = 10 ** (dbfs / 20) * Math.sqrt(3);
  return Float32Array.from({ length: samplesIn(ms) }, () => scale * (2 * random() - 1));
}

/** @returns hum and its overtones, as mains and fans make it. */
export function hum(ms: number, dbfs: number, hz: number): Float32Array {
  const scale = 10 ** (dbfs / 20);
  return Float32Array.from({ length: samplesIn(ms) }, (_, i) => {
    const phase = (2 * Math.PI * hz * i) / SAMPLE_RATE_HZ;
    return scale * (Math.sin(phase) + 0.5 * Math.sin(2 * phase) + 0.25 * Math.sin(3 * phase));
  });
}

/** Adds a sound to a track from a time on; what would lie beyond its end is left out. */
export function addAt(track: Float32Array, sound: Float32Array, startMs: number): void {
  const first = samplesIn(startMs);
  const length = Math.min(sound.length, track.length - first);
  for (let i = 0; i < length; i++) track[first + i]! += sound[i]!;
}

/** Mulberry32, by Tommy Ettinger (public domain): enough for noise. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
