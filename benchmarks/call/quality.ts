import type { Recording } from '../browser/index.ts';

const TONE_HZ = 997;
const TONE_AMPLITUDE = 0.2;
const RATE_HZ = 48_000;
/** Long enough to tell a tone from its noise, short enough that a corrected clock does not blur it. */
const WINDOW_MS = 100;
/** A gap is where the tone's level falls by this much. */
const GAP_DB = 20;
const GAP_WINDOW_MS = 5;

/** @returns a sine whose period divides the track's length, so that it goes on unbroken where the track repeats. */
export function toneTrack(seconds: number): Float32Array {
  return Float32Array.from(
    { length: seconds * RATE_HZ },
    (_, i) => TONE_AMPLITUDE * Math.sin((2 * Math.PI * TONE_HZ * i) / RATE_HZ),
  );
}

export interface ToneQuality {
  /** Medians over windows of 100 ms. */
  readonly snrDb: number;
  /** Heard over spoken. */
  readonly gainDb: number;
  /** Time in which the tone was 20 dB below its median level or lower. */
  readonly gapMs: number;
}

/** How the tone of `toneTrack` came through. @param recording at 48 kHz. */
export function toneQuality({ microphone, received }: Pick<Recording, 'microphone' | 'received'>): ToneQuality {
  const heard = windows(received, WINDOW_MS).map(splitPower);
  const spoken = windows(microphone, WINDOW_MS).map(splitPower);
  const levelDb = median(heard.map(({ tone }) => decibels(tone)));
  // Short windows hold few periods: only the tone's own level is of use there.
  const isGap = (window: Float32Array) => decibels(splitPower(window).tone) < levelDb - GAP_DB;
  return {
    snrDb: median(heard.map(({ tone, rest }) => decibels(tone / rest))),
    gainDb: levelDb - median(spoken.map(({ tone }) => decibels(tone))),
    gapMs: windows(received, GAP_WINDOW_MS).filter(isGap).length * GAP_WINDOW_MS,
  };
}

/** Mean power of the part of a window that is the tone, by least squares, and of the rest. */
function splitPower(window: Float32Array): { tone: number; rest: number } {
  let [cc, ss, cs, xc, xs, xx] = [0, 0, 0, 0, 0, 0];
  for (const [i, x] of window.entries()) {
    const c = Math.cos((2 * Math.PI * TONE_HZ * i) / RATE_HZ);
    const s = Math.sin((2 * Math.PI * TONE_HZ * i) / RATE_HZ);
    cc += c * c;
    ss += s * s;
    cs += c * s;
    xc += x * c;
    xs += x * s;
    xx += x * x;
  }
  const determinant = cc * ss - cs * cs;
  const tone = (xc * (ss * xc - cs * xs) + xs * (cc * xs - cs * xc)) / determinant;
  return { tone: Math.max(tone, 1e-12) / window.length, rest: Math.max(xx - tone, 1e-12) / window.length };
}

function windows(pcm: Float32Array, ms: number): Float32Array[] {
  const length = (ms * RATE_HZ) / 1000;
  return Array.from({ length: Math.floor(pcm.length / length) }, (_, i) => pcm.subarray(i * length, (i + 1) * length));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function decibels(power: number): number {
  return 10 * Math.log10(power);
}
