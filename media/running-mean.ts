/** Weight of a new value: with a value per 80 ms the mean follows within about a second. */
const WEIGHT = 0.08;

/** An exponential mean that begins with its first value; undefined before it. */
export class RunningMean {
  #value: number | undefined;

  get value(): number | undefined {
    return this.#value;
  }

  add(value: number): void {
    this.#value = this.#value === undefined ? value : this.#value + WEIGHT * (value - this.#value);
  }
}
