import { SAMPLE_RATE_HZ } from '../../inference/index.ts';

const WINDOW_MS = 10;
const WINDOW_SAMPLES = (SAMPLE_RATE_HZ * WINDOW_MS) / 1000;
/** An agent is heard from this level on; its sentences have about -22 dBFS, a codec's idle noise less than -60. */
export const AUDIBLE_DBFS = -40;
/** A prompt is speech while it is at most this far below its loudest window: recordings come at any level. */
const SPEECH_RANGE_DB = 30;
/** A prompt whose loudest window is below this holds nobody. */
const SPEECH_DBFS_MIN = -55;
/** Less is a click. */
const SPAN_MS_MIN = 3 * WINDOW_MS;

/** A stretch of sound, in milliseconds from the first sample. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Where a recording of 24 kHz is loud: RMS in windows of 10 ms.
 * @param pauseMsMax stretches with no more than this between them are one.
 * @returns the stretches in order, clicks left out.
 */
export function loudSpans(pcm: Float32Array, pauseMsMax: number, levelDbfs = AUDIBLE_DBFS): Span[] {
  const rmsMin = 10 ** (levelDbfs / 20);
  const windows: Span[] = [];
  windowLevels(pcm).forEach((rms, index) => {
    if (rms < rmsMin) return;
    const startMs = index * WINDOW_MS;
    const last = windows.at(-1);
    // Windows that touch are one stretch before clicks are told by their length.
    if (last?.endMs === startMs) windows[windows.length - 1] = { startMs: last.startMs, endMs: startMs + WINDOW_MS };
    else windows.push({ startMs, endMs: startMs + WINDOW_MS });
  });
  return joined(
    windows.filter(({ startMs, endMs }) => endMs - startMs >= SPAN_MS_MIN),
    pauseMsMax,
  );
}

/** @returns from where to where somebody speaks in a recording of any level; undefined where nobody does. */
export function speechSpan(pcm: Float32Array): Span | undefined {
  const loudestDbfs = 20 * Math.log10(Math.max(...windowLevels(pcm), 1e-9));
  if (loudestDbfs < SPEECH_DBFS_MIN) return undefined;
  return loudSpans(pcm, Number.POSITIVE_INFINITY, loudestDbfs - SPEECH_RANGE_DB)[0];
}

function windowLevels(pcm: Float32Array): number[] {
  return Array.from({ length: Math.floor(pcm.length / WINDOW_SAMPLES) }, (_, index) => {
    let sum = 0;
    for (let i = index * WINDOW_SAMPLES; i < (index + 1) * WINDOW_SAMPLES; i++) sum += pcm[i]! ** 2;
    return Math.sqrt(sum / WINDOW_SAMPLES);
  });
}

function joined(spans: readonly Span[], pauseMsMax: number): Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last && span.startMs - last.endMs <= pauseMsMax) result[result.length - 1] = { ...last, endMs: span.endMs };
    else result.push(span);
  }
  return result;
}
