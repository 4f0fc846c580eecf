import { resample } from '../../server/cli/resample.ts';
import { energy, normalizedCorrelation } from './fourier.ts';
import type { Sound } from './wav.ts';

/** A stretch of what was given, and where it was found in what was heard. */
export interface FollowedStretch {
  /** Where the stretch begins in what was given. */
  readonly atMs: number;
  /** How much later it was heard, both sounds counted from their own first sample: may be negative. */
  readonly delayMs: number;
  /** −1 to 1. */
  readonly correlation: number;
  /** Level heard over level given, in decibels. */
  readonly gainDb: number;
  readonly energy: number;
}

export interface Followed {
  /** Stretches whose own level is above −50 dBFS, in order. */
  readonly stretches: readonly FollowedStretch[];
  /** Mean of the stretches' correlations, weighted by their energy: how alike the sounds are; 0 without stretches. */
  readonly correlation: number;
  /** The same as a signal-to-noise ratio: all in what was heard that is not a scaled copy of what was given is noise. */
  readonly snrDb: number;
  /** Median of the stretches' gains, in decibels. */
  readonly gainDb: number;
}

const LEVEL_DBFS_MIN = -50;
/** Receivers stretch time by some milliseconds to adapt, so a much longer stretch would not fit anywhere. */
const STRETCH_MS = 200;
/** How far the delay may wander about where the sound as a whole was found. */
const WANDER_MS = 300;
/** How many of the loudest stretches are looked for everywhere: a hum fits at many places, but not all of it at one. */
const ANCHOR_COUNT = 8;
/** Anchors whose delays differ by less agree. */
const AGREEMENT_MS = 40;

/**
 * Finds one sound in another, stretch by stretch: what an engine gave in what a browser received, or what a
 * microphone heard in what came back. Rates and beginnings may differ.
 */
export async function follow(given: Sound, heard: Sound): Promise<Followed> {
  const rateHz = Math.min(given.sampleRateHz, heard.sampleRateHz);
  const from = await resample(given.pcm, given.sampleRateHz, rateHz);
  const to = await resample(heard.pcm, heard.sampleRateHz, rateHz);
  const length = Math.round((STRETCH_MS * rateHz) / 1000);
  const wander = Math.round((WANDER_MS * rateHz) / 1000);
  const starts = audibleStarts(from, length);
  const lag = anchorLag(from, to, starts, length);
  const stretches: FollowedStretch[] = [];
  for (const start of starts) {
    // What sounded before the hearing began, or after it ended, was not heard, whatever the path did.
    if (start + lag < 0 || start + lag + length > to.length) continue;
    const first = Math.max(0, start + lag - wander);
    const around = to.subarray(first, start + lag + length + wander);
    const part = from.subarray(start, start + length);
    const { position, correlation, gainDb } = findIn(around, part);
    const ms = (samples: number) => (samples * 1000) / rateHz;
    const delayMs = ms(first + position - start);
    stretches.push({ atMs: ms(start), delayMs, correlation, gainDb, energy: energy(part) });
  }
  return summarized(stretches);
}

function audibleStarts(pcm: Float32Array, length: number): number[] {
  const starts: number[] = [];
  for (let start = 0; start + length <= pcm.length; start += length) {
    if (10 * Math.log10(energy(pcm.subarray(start, start + length)) / length) > LEVEL_DBFS_MIN) starts.push(start);
  }
  return starts;
}

/** @returns by how many samples the loudest stretches are later in `to`: the delay that most of them agree upon. */
function anchorLag(from: Float32Array, to: Float32Array, starts: readonly number[], length: number): number {
  const part = (start: number) => from.subarray(start, start + length);
  const loudest = starts.toSorted((a, b) => energy(part(b)) - energy(part(a))).slice(0, ANCHOR_COUNT);
  const anchors = loudest.map((start) => {
    const { position, correlation } = findIn(to, part(start));
    return { lag: position - start, correlation };
  });
  const agreement = (length / STRETCH_MS) * AGREEMENT_MS;
  const votes = (lag: number) =>
    anchors
      .filter((anchor) => Math.abs(anchor.lag - lag) < agreement)
      .reduce((sum, { correlation }) => sum + correlation, 0);
  return anchors.sort((a, b) => votes(b.lag) - votes(a.lag) || b.correlation - a.correlation)[0]?.lag ?? 0;
}

function findIn(around: Float32Array, part: Float32Array): { position: number; correlation: number; gainDb: number } {
  const values = normalizedCorrelation(around, part).subarray(0, Math.max(1, around.length - part.length + 1));
  let position = 0;
  for (let lag = 1; lag < values.length; lag++) if (values[lag]! > values[position]!) position = lag;
  const heardEnergy = energy(around.subarray(position, position + part.length));
  return {
    position,
    correlation: values[position]!,
    gainDb: 10 * Math.log10(Math.max(heardEnergy, 1e-12) / energy(part)),
  };
}

function summarized(stretches: readonly FollowedStretch[]): Followed {
  const total = stretches.reduce((sum, stretch) => sum + stretch.energy, 0);
  const correlation = total === 0 ? 0 : stretches.reduce((sum, s) => sum + s.correlation * s.energy, 0) / total;
  const gains = stretches.map((stretch) => stretch.gainDb).sort((a, b) => a - b);
  return {
    stretches,
    correlation,
    snrDb: 10 * Math.log10(correlation ** 2 / (1 - correlation ** 2)),
    gainDb: gains[Math.floor(gains.length / 2)] ?? Number.NaN,
  };
}
