/** Four-term Blackman-Harris: its side lobes are 92 dB down, so that one tone does not pass for another. */
const WINDOW_TERMS = [0.35875, 0.48829, 0.14128, 0.01168] as const;

const windows = new Map<number, Float64Array>();

/**
 * Level of the sine of `hz` in `samples`, whatever else is in them. Cheap enough not to disturb callers that speak in
 * the same process.
 *
 * @returns decibels to a full-scale sine; two tones are told apart where they differ by 4 / duration, or more.
 */
export function toneLevelDb(samples: Float32Array, hz: number, rateHz: number): number {
  const window = windowOf(samples.length);
  const [turnReal, turnImaginary] = [Math.cos((2 * Math.PI * hz) / rateHz), Math.sin((2 * Math.PI * hz) / rateHz)];
  let [phasorReal, phasorImaginary] = [1, 0];
  let [real, imaginary, windowSum] = [0, 0, 0];
  for (let i = 0; i < samples.length; i += 1) {
    const weighted = window[i]! * samples[i]!;
    real += weighted * phasorReal;
    imaginary += weighted * phasorImaginary;
    windowSum += window[i]!;
    const rotated = phasorReal * turnReal - phasorImaginary * turnImaginary;
    phasorImaginary = phasorReal * turnImaginary + phasorImaginary * turnReal;
    phasorReal = rotated;
  }
  return 20 * Math.log10(Math.max((2 * Math.hypot(real, imaginary)) / windowSum, 1e-9));
}

function windowOf(length: number): Float64Array {
  const kept = windows.get(length);
  if (kept) return kept;
  const [a, b, c, d] = WINDOW_TERMS;
  const made = Float64Array.from({ length }, (_, i) => {
    const turn = (2 * Math.PI * i) / (length - 1);
    return a - b * Math.cos(turn) + c * Math.cos(2 * turn) - d * Math.cos(3 * turn);
  });
  windows.set(length, made);
  return made;
}
