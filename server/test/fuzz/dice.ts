const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * Random choices of one mutation. They depend on the seed, the input's name and the mutation's index alone, so that any
 * mutation can be made again without those before it.
 */
export class Dice {
  #state: number;

  constructor(seed: number, input: string, index: number) {
    let hash = FNV_OFFSET;
    for (const byte of Buffer.from(`${seed}/${input}/${index}`)) hash = Math.imul(hash ^ byte, FNV_PRIME);
    this.#state = hash >>> 0;
  }

  /** Uniform in [0, 1): the mulberry32 generator. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer in [0, end). */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** An integer in [min, max]. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** @param options at least one. */
  pick<T>(options: readonly T[]): T {
    return options[this.below(options.length)]!;
  }

  bytes(count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)));
  }
}
