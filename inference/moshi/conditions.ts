import type { LettersConditioner, LmConfig, LutConditioner } from '../checkpoint/config.ts';
import type { Weights } from '../checkpoint/weights.ts';
import { InferenceError } from '../errors.ts';

interface ConditionSource {
  /** @returns the vector [dim] of a value. @throws InferenceError `ATTRIBUTE_UNKNOWN` */
  vector(value: string): Float32Array;
  /** Stands for a value that is not given. */
  readonly padding: Float32Array;
}

/** The vectors that a checkpoint's conditioners add to every input embedding, looked up once when a call opens. */
export class Conditions {
  readonly #dim: number;
  readonly #sources: ReadonlyMap<string, ConditionSource>;

  constructor(lm: LmConfig, weights: Weights) {
    this.#dim = lm.dim;
    this.#sources = new Map(
      [...lm.conditioners].map(([name, conditioner]) => [
        name,
        conditioner.kind === 'lut'
          ? new Table(name, conditioner, lm.dim, weights)
          : new Letters(name, conditioner, lm.dim, weights),
      ]),
    );
  }

  /** @returns the sum [dim] for these values. @throws InferenceError `ATTRIBUTE_UNKNOWN` */
  vector(attributes: Readonly<Record<string, string>> = {}): Float32Array {
    for (const name of Object.keys(attributes)) {
      if (!this.#sources.has(name))
        throw new InferenceError('ATTRIBUTE_UNKNOWN', `${name} is not one of [${[...this.#sources.keys()]}]`);
    }
    const sum = new Float32Array(this.#dim);
    for (const [name, source] of this.#sources) {
      const value = attributes[name];
      addTo(sum, value === undefined ? source.padding : source.vector(value));
    }
    return sum;
  }
}

/** Kyutai's look-up table: a closed list of values. */
class Table implements ConditionSource {
  readonly padding: Float32Array;
  readonly #name: string;
  readonly #values: readonly string[];
  readonly #vectors: readonly Float32Array[];

  constructor(name: string, lut: LutConditioner, dim: number, weights: Weights) {
    const key = keyOf(name);
    const embedding = weights.tensor(`${key}.embed.weight`);
    const projection = weights.tensor(`${key}.output_proj.weight`);
    const project = (bin: number) =>
      Float32Array.from({ length: dim }, (_, row) => {
        let sum = 0;
        for (let i = 0; i < lut.dim; i++) sum += projection[row * lut.dim + i]! * embedding[bin * lut.dim + i]!;
        return sum;
      });
    this.#name = name;
    this.#values = lut.values;
    this.#vectors = lut.values.map((_, bin) => project(bin));
    this.padding = weights.tensor(`${key}.learnt_padding`);
  }

  vector(value: string): Float32Array {
    const index = this.#values.indexOf(value);
    if (index < 0)
      throw new InferenceError('ATTRIBUTE_UNKNOWN', `${this.#name}: ${value} is not one of [${this.#values}]`);
    return this.#vectors[index]!;
  }
}

/** Any text: the sum of what its letters add at their places. Letters beyond the last place are not heard of. */
class Letters implements ConditionSource {
  readonly padding: Float32Array;
  readonly #letters: LettersConditioner;
  readonly #projection: Float32Array;
  readonly #dim: number;

  constructor(name: string, letters: LettersConditioner, dim: number, weights: Weights) {
    const key = keyOf(name);
    this.#letters = letters;
    this.#projection = weights.tensor(`${key}.output_proj.weight`);
    this.#dim = dim;
    this.padding = weights.tensor(`${key}.learnt_padding`);
  }

  vector(value: string): Float32Array {
    const { alphabet, places } = this.#letters;
    const columns = [...value.toLowerCase().slice(0, places)].flatMap((letter, place) => {
      const at = alphabet.indexOf(letter);
      return at < 0 ? [] : [place * alphabet.length + at];
    });
    const width = alphabet.length * places;
    return Float32Array.from({ length: this.#dim }, (_, row) => {
      let sum = 0;
      for (const column of columns) sum += this.#projection[row * width + column]!;
      return sum;
    });
  }
}

function keyOf(name: string): string {
  return `condition_provider.conditioners.${name}`;
}

function addTo(sum: Float32Array, vector: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]!;
}
