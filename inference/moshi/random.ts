const MULTIPLIER_0 = 0xd251_1f53;
const MULTIPLIER_1 = 0xcd9e_8d57;
const WEYL_0 = 0x9e37_79b9;
const WEYL_1 = 0xbb67_ae85;
const ROUND_COUNT = 10;
/** A float32 holds 24 bits exactly. */
const UNIFORM_BITS = 24;

/**
 * The uniform number in [0, 1) of one choice of one step of one call: a function of its arguments alone, so a call's
 * tokens depend neither on its neighbours nor on the order in which rows are computed.
 *
 * Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 *
 * @param seed unsigned, 64 bits; higher bits are ignored.
 * @param step counts the steps of the call, below 2^53.
 * @param choice 0 is the text token, 1 and up the agent's codebooks.
 */
export function uniform(seed: bigint, step: number, choice: number): number {
  const counter = [step >>> 0, Math.floor(step / 2 ** 32) >>> 0, choice >>> 0, 0];
  const key = [Number(seed & 0xffff_ffffn), Number((seed >> 32n) & 0xffff_ffffn)];
  return (philox(counter, key)[0]! >>> (32 - UNIFORM_BITS)) / 2 ** UNIFORM_BITS;
}

/** @param counter four and @param key two unsigned 32-bit words. @returns four unsigned 32-bit words. */
export function philox(counter: readonly number[], key: readonly number[]): number[] {
  let [c0, c1, c2, c3] = counter as [number, number, number, number];
  let [k0, k1] = key as [number, number];
  for (let round = 0; round < ROUND_COUNT; round++) {
    const [high0, low0] = multiply(MULTIPLIER_0, c0);
    const [high1, low1] = multiply(MULTIPLIER_1, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** @returns the high and the low 32 bits of the product of two unsigned 32-bit words. */
function multiply(a: number, b: number): [high: number, low: number] {
  // Split so that every partial product stays below 2^53.
  const upper = a * (b >>> 16);
  const lower = a * (b & 0xffff);
  const middle = (upper % 0x1_0000) * 0x1_0000 + lower;
  return [(Math.floor(upper / 0x1_0000) + Math.floor(middle / 2 ** 32)) >>> 0, middle >>> 0];
}
