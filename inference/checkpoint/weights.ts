import { InferenceError } from '../errors.ts';
import type { ExpectedTensor } from './expected-tensors.ts';
import type { TensorStore } from './safetensors.ts';

/** Names that other savers give to the same tensor: [ending here, ending there]. */
const ALIASES: readonly (readonly [string, string])[] = [
  ['.in_proj_weight', '.in_proj.weight'],
  ['.cluster_usage', '.cluster_size'],
  ['.embedding_sum', '.embed_avg'],
  ['.embedding_sum', '.embed_sum'],
];
/** Kyutai's low-rank tables: only these are ever multiplied out. */
const EMBEDDING_KEY = /^(depformer_)?(text_)?emb\.(\d+\.)?weight$/;
/** Stands for any size in an expected shape. */
const ANY = -1;
const LOW_RANK_SUFFIX = '.low_rank.weight';
const WEIGHT_SUFFIX = '.weight';
/** Kyutai's quantiser guards its division with the same floor. */
const CLUSTER_USAGE_MIN = 1e-5;

/** Reads a checkpoint's tensors by the names of Kyutai's layout, whatever names and types the file has. */
export class Weights {
  readonly #store: TensorStore;

  constructor(store: TensorStore) {
    this.#store = store;
  }

  /**
   * @throws InferenceError `CHECKPOINT_TENSOR_MISSING` with the key; `CHECKPOINT_TENSOR_INVALID` with key, shape found
   *   and shape expected.
   */
  validate(expected: readonly ExpectedTensor[]): void {
    for (const { key, shape } of expected) {
      const found = this.#store.shape(this.#resolve(key));
      if (!found) throw new InferenceError('CHECKPOINT_TENSOR_MISSING', `${key}: expected [${describe(shape)}]`);
      const factorShape = this.#lowRankShape(key);
      demandShape(key, found, factorShape ? [shape[0]!, ANY] : shape);
      if (factorShape)
        demandShape(lowRankKey(key), factorShape, [shape[1]!, found[1]!], `beside ${key} [${describe(found)}]`);
      this.#store.demandFloats(this.#resolve(key));
    }
    this.#validateGates(expected);
  }

  shape(key: string): readonly number[] {
    const shape = this.#store.shape(this.#resolve(key));
    if (!shape) throw new InferenceError('CHECKPOINT_TENSOR_MISSING', key);
    return shape;
  }

  /** @throws InferenceError `CHECKPOINT_TENSOR_INVALID` where a value is not finite: it would end every call. */
  tensor(key: string): Float32Array<ArrayBuffer> {
    const values = this.#store.float32(this.#resolve(key));
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i]!)) {
        throw new InferenceError('CHECKPOINT_TENSOR_INVALID', `${key}: value ${i} is ${values[i]}`);
      }
    }
    return values;
  }

  /** @returns an embedding table [rows, dim], multiplied out where the file keeps it as two low-rank factors. */
  embedding(key: string): Float32Array<ArrayBuffer> {
    const table = this.tensor(key);
    const factorShape = this.#lowRankShape(key);
    if (!factorShape) return table;
    const [dim, rank] = factorShape as [number, number];
    const factor = this.tensor(lowRankKey(key));
    const rowCount = table.length / rank;
    const whole = new Float32Array(rowCount * dim);
    for (let row = 0; row < rowCount; row++) {
      for (let d = 0; d < dim; d++) {
        let sum = 0;
        for (let r = 0; r < rank; r++) sum += table[row * rank + r]! * factor[d * rank + r]!;
        whole[row * dim + d] = sum;
      }
    }
    return whole;
  }

  /** @returns the centroids [bins, dim] of a codebook, which the file keeps as sums and counts. */
  centroids(codebookKey: string): Float32Array<ArrayBuffer> {
    const sums = this.tensor(`${codebookKey}.embedding_sum`);
    const usage = this.tensor(`${codebookKey}.cluster_usage`);
    const dim = sums.length / usage.length;
    return sums.map((sum, i) => sum / Math.max(usage[Math.floor(i / dim)]!, CLUSTER_USAGE_MIN));
  }

  #validateGates(expected: readonly ExpectedTensor[]): void {
    for (const { key } of expected) {
      if (!key.endsWith('.linear_in.weight')) continue;
      const outKey = key.replace('.linear_in.', '.linear_out.');
      const hidden = this.shape(outKey)[1]!;
      const found = this.shape(key);
      demandShape(key, found, [2 * hidden, found[1]!], `beside ${outKey}`);
    }
  }

  #lowRankShape(key: string): readonly number[] | undefined {
    return EMBEDDING_KEY.test(key) ? this.#store.shape(lowRankKey(key)) : undefined;
  }

  #resolve(key: string): string {
    if (this.#store.has(key)) return key;
    for (const [ours, theirs] of ALIASES) {
      if (!key.endsWith(ours)) continue;
      const alias = key.slice(0, -ours.length) + theirs;
      if (this.#store.has(alias)) return alias;
    }
    return key;
  }
}

function lowRankKey(key: string): string {
  return key.slice(0, -WEIGHT_SUFFIX.length) + LOW_RANK_SUFFIX;
}

function demandShape(key: string, found: readonly number[], expected: readonly number[], beside = ''): void {
  const fits =
    found.length === expected.length &&
    expected.every((size, i) => size === found[i] || (size === ANY && found[i]! > 0));
  if (fits) return;
  const detail = `${key}: found [${describe(found)}], expected [${describe(expected)}] ${beside}`;
  throw new InferenceError('CHECKPOINT_TENSOR_INVALID', detail.trimEnd());
}

function describe(shape: readonly number[]): string {
  return shape.map((size) => (size === ANY ? 'any' : size)).join(', ');
}
