import type { LmConfig, LutConditioner } from '../checkpoint/config.ts';
import type { Weights } from '../checkpoint/weights.ts';
import { InferenceError } from '../errors.ts';

interface ConditionTable {
  readonly values: readonly string[];
  /** One vector [dim] a value. */
  readonly vectors: readonly Float32Array[];
  /** Stands for a value that is not given. */
  readonly padding: Float32Array;
}

/** The vectors that a checkpoint's conditioners add to every input embedding, looked up once when a call opens. */
export class Conditions {
  readonly #dim: number;
  readonly #tables: ReadonlyMap<string, ConditionTable>;

  constructor(lm: LmConfig, weights: Weights) {
    this.#dim = lm.dim;
    this.#tables = new Map([...lm.conditioners].map(([name, lut]) => [name, readTable(name, lut, lm.dim, weights)]));
  }

  /** @returns the sum [dim] for these values. @throws InferenceError `ATTRIBUTE_UNKNOWN` */
  vector(attributes: Readonly<Record<string, string>> = {}): Float32Array {
    for (const name of Object.keys(attributes)) {
      if (!this.#tables.has(name))
        throw new InferenceError('ATTRIBUTE_UNKNOWN', `${name} is not one of [${[...this.#tables.keys()]}]`);
    }
    const sum = new Float32Array(this.#dim);
    for (const [name, { values, vectors, padding }] of this.#tables) {
      const value = attributes[name];
      const index = value === undefined ? -1 : values.indexOf(value);
      if (value !== undefined && index < 0)
        throw new InferenceError('ATTRIBUTE_UNKNOWN', `${name}: ${value} is not one of [${values}]`);
      const vector = index < 0 ? padding : vectors[index]!;
      for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]!;
    }
    return sum;
  }
}

function readTable(name: string, lut: LutConditioner, dim: number, weights: Weights): ConditionTable {
  const key = `condition_provider.conditioners.${name}`;
  const embedding = weights.tensor(`${key}.embed.weight`);
  const projection = weights.tensor(`${key}.output_proj.weight`);
  const project = (bin: number) =>
    Float32Array.from({ length: dim }, (_, row) => {
      let sum = 0;
      for (let i = 0; i < lut.dim; i++) sum += projection[row * lut.dim + i]! * embedding[bin * lut.dim + i]!;
      return sum;
    });
  return {
    values: lut.values,
    vectors: lut.values.map((_, bin) => project(bin)),
    padding: weights.tensor(`${key}.learnt_padding`),
  };
}
