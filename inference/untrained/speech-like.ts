import { SAMPLE_RATE_HZ } from '../engine/engine.ts';
import { noise } from './random-weights.ts';

const HARMONIC_COUNT = 12;

/** @returns a seeded sound with speech's coarse features: gliding pitch, syllables, hiss, pauses; peaks below 1. */
export function speechLike(seed: number, sampleCount: number): Float32Array {
  const next = noise(seed);
  const [drift, phase, hissPhase] = [next(), next() * Math.PI, next() * Math.PI];
  const pcm = new Float32Array(sampleCount);
  let pitchPhase = 0;
  for (let i = 0; i < sampleCount; i++) {
    const t = i / SAMPLE_RATE_HZ;
    const pitchHz = 140 + 50 * Math.sin(2 * Math.PI * (0.4 + 0.2 * drift) * t) + 20 * Math.sin(2 * Math.PI * 2.1 * t);
    pitchPhase += (2 * Math.PI * pitchHz) / SAMPLE_RATE_HZ;
    let voice = 0;
    for (let k = 1; k <= HARMONIC_COUNT; k++) voice += Math.sin(k * pitchPhase + k * phase) / k ** 0.8;
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 3.3 * t + phase) + 0.4);
    const hiss = next() * Math.max(0, Math.sin(2 * Math.PI * 1.7 * t + hissPhase) - 0.4);
    pcm[i] = Math.max(-1, Math.min(1, 0.12 * voice * syllable + 0.2 * hiss + 0.001 * next()));
  }
  return pcm;
}
