import type { MimiConfig } from '../checkpoint/config.ts';
import { codebookKey } from '../checkpoint/expected-tensors.ts';
import type { TensorToWrite } from '../checkpoint/safetensors-writer.ts';
import { noise } from './random-weights.ts';

/** Kept away from the drawn residuals, so that no two centroids are the same. */
const JITTER = 0.1;

/**
 * Draws every codebook's centroids from what the codebooks before it left over of real latents: so each of them is
 * used, and each says something.
 *
 * @param latents [frames, latentDim], of sound as a caller sends it.
 * @param projections `input_proj` of the semantic and of the acoustic branch, [codeDim, latentDim] each.
 */
export function drawCodebooks(
  mimi: MimiConfig,
  latents: Float32Array,
  projections: { readonly semantic: Float32Array; readonly acoustic: Float32Array },
  seed: number,
): TensorToWrite[] {
  const { codeDim, binCount, codebookCount } = mimi;
  const next = noise(seed);
  let residuals = project(latents, projections.acoustic, mimi);
  return Array.from({ length: codebookCount }, (_, index) => {
    const source = index === 0 ? project(latents, projections.semantic, mimi) : residuals;
    const centroids = pick(source, codeDim, binCount, next);
    if (index > 0) residuals = leftOver(source, centroids, codeDim);
    return { key: `${codebookKey(index)}.embedding_sum`, shape: [binCount, codeDim], produce: () => centroids };
  });
}

function project(latents: Float32Array, projection: Float32Array, { codeDim, latentDim }: MimiConfig): Float32Array {
  const frameCount = latents.length / latentDim;
  const projected = new Float32Array(frameCount * codeDim);
  for (let frame = 0; frame < frameCount; frame++) {
    for (let row = 0; row < codeDim; row++) {
      let sum = 0;
      for (let i = 0; i < latentDim; i++) sum += projection[row * latentDim + i]! * latents[frame * latentDim + i]!;
      projected[frame * codeDim + row] = sum;
    }
  }
  return projected;
}

function pick(vectors: Float32Array, dim: number, count: number, next: () => number): Float32Array {
  const vectorCount = vectors.length / dim;
  const spread = Math.sqrt(vectors.reduce((sum, value) => sum + value * value, 0) / vectors.length);
  const picked = new Float32Array(count * dim);
  for (let i = 0; i < count; i++) {
    const from = Math.floor(((next() + 1) / 2) * vectorCount) * dim;
    for (let d = 0; d < dim; d++) picked[i * dim + d] = vectors[from + d]! + JITTER * spread * next();
  }
  return picked;
}

function leftOver(vectors: Float32Array, centroids: Float32Array, dim: number): Float32Array {
  const rest = vectors.slice();
  for (let start = 0; start < vectors.length; start += dim) {
    let best = 0;
    let bestDistance = Number.POSITIVE_INFINITY;
    for (let c = 0; c < centroids.length; c += dim) {
      let distance = 0;
      for (let d = 0; d < dim; d++) distance += (vectors[start + d]! - centroids[c + d]!) ** 2;
      if (distance < bestDistance) [best, bestDistance] = [c, distance];
    }
    for (let d = 0; d < dim; d++) rest[start + d]! -= centroids[best + d]!;
  }
  return rest;
}
