/** Samples needed on either side of a block; more would not be heard at the ratios in use. */
export const TIME_SCALE_MARGIN_SAMPLES = 10;

const TAPS = 2 * TIME_SCALE_MARGIN_SAMPLES;
const PHASES = 256;
/** Kaiser window: side lobes near -80 dB. */
const KAISER_BETA = 8;

const KERNELS = makeKernels();

/**
 * Plays a block a little faster or slower, by windowed-sinc interpolation: no clicks and no lost periods, only a pitch
 * that is off by the ratio (0.5 % is 9 cents) while it lasts. Blocks join without a seam, also with untouched ones.
 *
 * @param source the block with TIME_SCALE_MARGIN_SAMPLES before and after it.
 * @param sampleCount how long the block becomes.
 */
export function scaleTime(source: Float32Array, sampleCount: number): Float32Array {
  const blockSamples = source.length - TAPS;
  const step = blockSamples / sampleCount;
  const scaled = new Float32Array(sampleCount);
  for (let i = 0; i < sampleCount; i += 1) {
    const position = i * step;
    const whole = Math.floor(position);
    const phase = (position - whole) * PHASES;
    const row = Math.floor(phase);
    const blend = phase - row;
    const lower = row * TAPS;
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap += 1) {
      const weight = KERNELS[lower + tap]! * (1 - blend) + KERNELS[lower + TAPS + tap]! * blend;
      sum += weight * source[whole + 1 + tap]!;
    }
    scaled[i] = sum;
  }
  return scaled;
}

/** One row of taps per phase, and one more so that the last phase has a neighbour. */
function makeKernels(): Float64Array {
  const kernels = new Float64Array((PHASES + 1) * TAPS);
  for (let row = 0; row <= PHASES; row += 1) {
    const taps = kernels.subarray(row * TAPS, (row + 1) * TAPS);
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap += 1) {
      // Distance from the interpolated point to the tap's sample.
      const x = tap + 1 - TIME_SCALE_MARGIN_SAMPLES - row / PHASES;
      taps[tap] = sinc(x) * kaiser(x / TIME_SCALE_MARGIN_SAMPLES);
      sum += taps[tap]!;
    }
    for (let tap = 0; tap < TAPS; tap += 1) taps[tap]! /= sum;
  }
  return kernels;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x: number): number {
  if (Math.abs(x) >= 1) return 0;
  return besselI0(KAISER_BETA * Math.sqrt(1 - x * x)) / besselI0(KAISER_BETA);
}

function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-12 * sum; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
