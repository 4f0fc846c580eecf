import type { ExpectedTensor } from '../checkpoint/expected-tensors.ts';
import type { TensorToWrite } from '../checkpoint/safetensors-writer.ts';
import { gateHidden } from './dimensions.ts';

/** Variance 1 from a uniform number in [-1, 1). */
const UNIT_VARIANCE = Math.sqrt(3);
/** Keeps the signal's size through ELU, SiLU and residual sums about what it was: found by trying. */
const MATRIX_GAIN = 1.6;
const EMBEDDING_SCALE = 0.7;

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
  return {
    key,
    shape,
    produce: () => {
      const next = noise(seedOf(seed, key));
      const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
      for (let i = 0; i < values.length; i++) values[i] = offset + scale * next();
      return values;
    },
  };
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
