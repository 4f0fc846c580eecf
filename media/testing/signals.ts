import { SAMPLE_RATE_HZ } from '../audio.ts';

/** Power of the part of `pcm` that is a sine of `hz`, by least squares, and of the rest. */
function splitPower(pcm: Float32Array, hz: number): { tone: number; rest: number } {
  // Normal equations of a·cos + b·sin; solved exactly, so that a block need not hold whole periods.
  let cc = 0;
  let ss = 0;
  let cs = 0;
  let xc = 0;
  let xs = 0;
  let xx = 0;
  const step = (2 * Math.PI * hz) / SAMPLE_RATE_HZ;
  for (let i = 0; i < pcm.length; i += 1) {
    const c = Math.cos(step * i);
    const s = Math.sin(step * i);
    const x = pcm[i]!;
    cc += c * c;
    ss += s * s;
    cs += c * s;
    xc += x * c;
    xs += x * s;
    xx += x * x;
  }
  const determinant = cc * ss - cs * cs;
  const a = (xc * ss - xs * cs) / determinant;
  const b = (xs * cc - xc * cs) / determinant;
  const tone = a * xc + b * xs;
  return { tone, rest: Math.max(xx - tone, 1e-20) };
}

/** Signal-to-noise ratio of a block that should be a sine of `hz`, whatever its phase and level. */
export function toneSnrDb(pcm: Float32Array, hz: number): number {
  const { tone, rest } = splitPower(pcm, hz);
  return 10 * Math.log10(tone / rest);
}

/** Level of the sine of `hz` in a block, in dB relative to full scale's square wave. */
export function toneLevelDbfs(pcm: Float32Array, hz: number): number {
  return 10 * Math.log10(Math.max(splitPower(pcm, hz).tone / pcm.length, 1e-12));
}

/**
 * Level of what a block holds at `hz`, through a Hann window: for looking for a faint tone beside loud ones, 20 Hz or
 * more away where the block is half a second long.
 */
export function traceLevelDbfs(pcm: Float32Array, hz: number): number {
  let real = 0;
  let imaginary = 0;
  let weights = 0;
  for (const [i, sample] of pcm.entries()) {
    const weight = 1 - Math.cos((2 * Math.PI * (i + 0.5)) / pcm.length);
    const angle = (2 * Math.PI * hz * i) / SAMPLE_RATE_HZ;
    real += weight * sample * Math.cos(angle);
    imaginary += weight * sample * Math.sin(angle);
    weights += weight;
  }
  return 10 * Math.log10(Math.max((2 * (real ** 2 + imaginary ** 2)) / weights ** 2, 1e-12));
}
