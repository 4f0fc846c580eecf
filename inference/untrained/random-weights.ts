import type { ExpectedTensor } from '../checkpoint/expected-tensors.ts';
import type { TensorToWrite } from '../checkpoint/safetensors-writer.ts';
import { gateHidden } from './dimensions.ts';

/** Variance 1 from a uniform number in [-1, 1). */
const UNIT_VARIANCE = Math.sqrt(3);
/** Keeps the signal's size through ELU, SiLU and residual sums about what it was: found by trying. */
const MATRIX_GAIN = 1.6;
const EMBEDDING_SCALE = 0.7;
/** Kernel of the ratio 6, which leads to 1.2 kHz. */
const CARRIER_KERNEL = 12;
/** Three samples of 1.2 kHz: a carrier of 400 Hz. */
const CARRIER_TAPS = 3;
/** Of the decoder's residual blocks, whose noise would drown the hum. */
const QUIET_GAIN = 0.05;

/** A seeded sequence of numbers in [-1, 1): xorshift32 (Marsaglia, "Xorshift RNGs", 2003). Fast, and plenty for weights. */
export function noise(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e37_79b1) ^ 0x85eb_ca6b) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
}

/** @returns a seed of the tensor's own, so that one tensor's values do not depend on which others are written. */
function seedOf(seed: number, key: string): number {
  let hash = seed;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x0100_0193);
  return hash;
}

/** @returns random values for a tensor, by its kind: matrices of unit gain, norms and layer scales near 1. */
export function randomTensor(seed: number, { key, shape: expected }: ExpectedTensor): TensorToWrite {
  const shape = expected.map((size, axis) => (size === -1 ? openSize(expected, axis) : size));
  const [offset, scale] = distribution(key, shape);
  const taps = sharedTaps(key, shape);
  return {
    key,
    shape,
    produce: () => {
      const next = noise(seedOf(seed, key));
      const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
      for (let i = 0; i < values.length; i += taps.length) {
        const value = offset + scale * next();
        taps.forEach((factor, tap) => {
          values[i + tap] = value * factor;
        });
      }
      return values;
    },
  };
}

/**
 * Factors of the kernel positions that share one random value. The decoder's upsamplings interpolate instead of adding
 * noise of their own, the second one on a carrier, and its last convolution takes differences, which have no constant
 * part: so the model hums in the range of voices, and a speech codec can carry what it says.
 */
function sharedTaps(key: string, shape: readonly number[]): readonly number[] {
  const tapCount = shape[2] ?? 1;
  const taps = (factor: (tap: number) => number) => Array.from({ length: tapCount }, (_, tap) => factor(tap));
  if (!key.startsWith('decoder.') || !key.endsWith('.weight') || tapCount === 1) return [1];
  if (key.includes('.block.')) return [QUIET_GAIN];
  if (!key.endsWith('convtr.weight')) return shape[0] === 1 ? taps((tap) => tap - (tapCount - 1) / 2) : [1];
  const triangle = (tap: number) => 1 - Math.abs((2 * tap) / tapCount - 1);
  if (tapCount !== CARRIER_KERNEL) return taps(triangle);
  return taps((tap) => triangle(tap) * Math.cos((2 * Math.PI * tap) / CARRIER_TAPS));
}

function distribution(key: string, shape: readonly number[]): readonly [offset: number, scale: number] {
  if (/\.alpha$|norm\d\.weight$/.test(key)) return [1, 0.3];
  if (key.includes('layer_scale')) return [0.5, 0.1];
  if (key.endsWith('.bias')) return [0, 0.05];
  if (key.endsWith('cluster_usage')) return [1, 0];
  if (/(^|_)emb\./.test(key)) return [0, EMBEDDING_SCALE * UNIT_VARIANCE];
  const fanIn = key.includes('convtr') ? shape[0]! * 2 : shape.slice(1).reduce((a, b) => a * b, 1);
  return [0, (MATRIX_GAIN / Math.sqrt(fanIn)) * UNIT_VARIANCE];
}

/** The sizes that a file is free to choose are those of gates: [2 · hidden, dim] and [dim, hidden]. */
function openSize(shape: readonly number[], axis: number): number {
  return axis === 0 ? 2 * gateHidden(shape[1]!) : gateHidden(shape[0]!);
}
