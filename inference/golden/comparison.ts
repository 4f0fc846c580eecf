/** Bounds of the reference vectors: f32 arithmetic on the CPU provider. */
const TOLERANCE = { relative: 2e-4, pcm: 2e-4 } as const;

/** Gathers what a case compares: tokens that must be equal, and numbers that must be near. */
export class Comparison {
  #largestDifference = 0;
  #outOfBounds = 0;
  #unequalTokens = 0;
  #comparedCount = 0;
  #firstProblem = '';

  /** |a − b| ≤ 2e-4 · max(1, |b|) */
  near(found: number, expected: number, what: string): void {
    this.#number(found, expected, TOLERANCE.relative * Math.max(1, Math.abs(expected)), what);
  }

  /** |a − b| ≤ 2e-4 */
  nearPcm(found: number, expected: number, what: string): void {
    this.#number(found, expected, TOLERANCE.pcm, what);
  }

  same(found: number, expected: number, what: string): void {
    this.#comparedCount += 1;
    if (found === expected) return;
    this.#unequalTokens += 1;
    this.#firstProblem ||= `${what}: ${found}, expected ${expected}`;
  }

  /** Notes a difference that a case judges by a rule of its own. */
  judged(difference: number, holds: boolean, what: string): void {
    this.#number(difference, 0, holds ? Number.POSITIVE_INFINITY : -1, what);
  }

  get verdict(): CaseVerdict {
    return {
      passed: this.#comparedCount > 0 && this.#outOfBounds === 0 && this.#unequalTokens === 0,
      largestDifference: this.#largestDifference,
      unequalTokens: this.#unequalTokens,
      comparedCount: this.#comparedCount,
      problem: this.#comparedCount === 0 ? 'nothing was compared' : this.#firstProblem,
    };
  }

  #number(found: number, expected: number, bound: number, what: string): void {
    this.#comparedCount += 1;
    const difference = Math.abs(found - expected);
    // Written so that NaN is out of bounds.
    if (!(difference <= this.#largestDifference)) this.#largestDifference = difference;
    if (difference <= bound) return;
    this.#outOfBounds += 1;
    this.#firstProblem ||= `${what}: ${found}, expected ${expected}`;
  }
}

export interface CaseVerdict {
  readonly passed: boolean;
  readonly largestDifference: number;
  readonly unequalTokens: number;
  readonly comparedCount: number;
  /** The first thing that was wrong; '' where nothing was. */
  readonly problem: string;
}
