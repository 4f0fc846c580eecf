/** A complex signal; both arrays have the same length, a power of two. */
interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** In place; the inverse is scaled by 1/length. Radix 2, decimation in time. */
function transform({ re, im }: Complex, isInverse: boolean): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
  }
  const sign = isInverse ? 1 : -1;
  const cos = Float64Array.from({ length: n / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / n));
  const sin = Float64Array.from({ length: n / 2 }, (_, k) => sign * Math.sin((2 * Math.PI * k) / n));
  for (let half = 1; half < n; half *= 2) {
    const stride = n / (2 * half);
    for (let start = 0; start < n; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const even = start + k;
        const odd = even + half;
        const c = cos[k * stride]!;
        const s = sin[k * stride]!;
        const oddRe = re[odd]! * c - im[odd]! * s;
        const oddIm = re[odd]! * s + im[odd]! * c;
        re[odd] = re[even]! - oddRe;
        im[odd] = im[even]! - oddIm;
        re[even] = re[even]! + oddRe;
        im[even] = im[even]! + oddIm;
      }
    }
  }
  if (!isInverse) return;
  for (let i = 0; i < n; i++) {
    re[i] = re[i]! / n;
    im[i] = im[i]! / n;
  }
}

/** @returns for every lag from 0 to `signal.length - 1`: the sum of `template[i] * signal[lag + i]`. */
export function crossCorrelation(signal: Float32Array, template: Float32Array): Float64Array {
  const n = 2 ** Math.ceil(Math.log2(signal.length + template.length));
  // Both are real, so one transform takes them both: the signal as real part, the template as imaginary part.
  const z = { re: new Float64Array(n), im: new Float64Array(n) };
  z.re.set(signal);
  z.im.set(template);
  transform(z, false);
  const product = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    const m = (n - k) % n;
    const signalRe = (z.re[k]! + z.re[m]!) / 2;
    const signalIm = (z.im[k]! - z.im[m]!) / 2;
    const templateRe = (z.im[k]! + z.im[m]!) / 2;
    const templateIm = (z.re[m]! - z.re[k]!) / 2;
    product.re[k] = signalRe * templateRe + signalIm * templateIm;
    product.im[k] = signalIm * templateRe - signalRe * templateIm;
  }
  transform(product, true);
  return product.re.subarray(0, signal.length);
}

/** @returns the same correlation over the energy of the signal's part under the template and of the template: −1 to 1. */
export function normalizedCorrelation(signal: Float32Array, template: Float32Array): Float64Array {
  const products = crossCorrelation(signal, template);
  const templateEnergy = energy(template);
  let signalEnergy = energy(signal.subarray(0, template.length));
  // Silence correlates with nothing: below −90 dBFS the rounding of the transform would.
  const floor = template.length * 1e-9;
  return products.map((product, lag) => {
    const value = signalEnergy > floor ? product / Math.sqrt(signalEnergy * templateEnergy) : 0;
    signalEnergy += (signal[lag + template.length] ?? 0) ** 2 - signal[lag]! ** 2;
    return value;
  });
}

export function energy(pcm: Float32Array): number {
  let sum = 0;
  for (const sample of pcm) sum += sample * sample;
  return sum;
}

/**
 * @param values around a peak at `index`.
 * @returns where the parabola through the peak and its neighbours is highest: a fraction of a sample beside `index`.
 */
export function peakPosition(values: Float64Array, index: number): number {
  const [before, at, after] = [values[index - 1], values[index]!, values[index + 1]];
  if (before === undefined || after === undefined) return index;
  const curvature = before - 2 * at + after;
  return curvature < 0 ? index + (before - after) / (2 * curvature) : index;
}
