import { normalizedCorrelation, peakPosition } from '../browser/index.ts';

const RATE_HZ = 48_000;
const CHIRP_MS = 24;
/** Four sounds in turn, so that a chirp that comes late is not taken for its successor. Hz from and to. */
const SWEEPS: readonly (readonly [number, number])[] = [
  [400, 2_200],
  [2_200, 400],
  [1_800, 3_800],
  [3_800, 1_800],
];
const AMPLITUDE = 0.4;
/** Between the beginnings of two chirps: uneven, so that they fall anywhere in packets and frames. */
const SPACING_MS_MIN = 260;
const SPACING_MS_MAX = 340;
/** A chirp not found again by then is lost. Chirps of the same sound are at least 1,040 ms apart. */
const DELAY_MS_MAX = 900;
/** Under this it is not a chirp: speech codecs at 24 kbit/s keep 0.9 of one, and neighbours reach 0.4. */
const CORRELATION_MIN = 0.6;

const TEMPLATES = SWEEPS.map(([fromHz, toHz]) => sweep(fromHz, toHz));

/** @returns chirps at 48 kHz for about `lengthMs`, the same in every run. */
export function chirpTrack(lengthMs: number): Float32Array {
  const pcm = new Float32Array((lengthMs * RATE_HZ) / 1000);
  // The golden ratio's multiples fill an interval evenly, in an order without a period.
  const spacingMs = (i: number) => SPACING_MS_MIN + ((i * 0.618_033_99) % 1) * (SPACING_MS_MAX - SPACING_MS_MIN);
  let atMs = SPACING_MS_MIN;
  for (let i = 0; atMs + SPACING_MS_MAX < lengthMs; i++) {
    pcm.set(TEMPLATES[i % TEMPLATES.length]!, Math.round((atMs * RATE_HZ) / 1000));
    atMs += spacingMs(i);
  }
  return pcm;
}

export interface HeardChirps {
  /** From a chirp in the microphone's track to the same one in the received track, by order of speaking. */
  readonly delaysMs: readonly number[];
  /** Spoken, and not found in what was received. */
  readonly lostCount: number;
}

/** @param recording at 48 kHz. */
export function chirpDelays(recording: { microphone: Float32Array; received: Float32Array }): HeardChirps {
  const found = TEMPLATES.flatMap((template) => {
    const spoken = chirpPositions(recording.microphone, template);
    const heard = chirpPositions(recording.received, template);
    // What was spoken so late that its return may lie after the recording is not counted as lost.
    const isWhole = (at: number) => at + (DELAY_MS_MAX * RATE_HZ) / 1000 < recording.received.length;
    return spoken.filter(isWhole).map((at) => ({ at, back: heard.find((position) => position > at) }));
  });
  const delays = found
    .sort((a, b) => a.at - b.at)
    .map(({ at, back }) => (back === undefined ? Number.POSITIVE_INFINITY : ((back - at) * 1000) / RATE_HZ));
  const delaysMs = delays.filter((delayMs) => delayMs < DELAY_MS_MAX);
  return { delaysMs, lostCount: delays.length - delaysMs.length };
}

/** @returns where the template begins in the track, in samples and fractions of them. */
function chirpPositions(track: Float32Array, template: Float32Array): number[] {
  const likeness = normalizedCorrelation(track, template);
  const apart = (SPACING_MS_MIN * RATE_HZ) / 1000;
  const positions: number[] = [];
  for (let i = 0; i < likeness.length; i++) {
    if (likeness[i]! < CORRELATION_MIN) continue;
    let peak = i;
    const end = Math.min(likeness.length, i + apart);
    for (let j = i; j < end; j++) if (likeness[j]! > likeness[peak]!) peak = j;
    positions.push(peakPosition(likeness, peak));
    i = end;
  }
  return positions;
}

function sweep(fromHz: number, toHz: number): Float32Array {
  const length = (CHIRP_MS * RATE_HZ) / 1000;
  return Float32Array.from({ length }, (_, i) => {
    const t = i / RATE_HZ;
    const phase = 2 * Math.PI * (fromHz * t + ((toHz - fromHz) * t * t) / (2 * (CHIRP_MS / 1000)));
    return AMPLITUDE * Math.sin(phase) * Math.sin((Math.PI * i) / length) ** 2;
  });
}
