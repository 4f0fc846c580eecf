import type { EventOf } from '../signaling/index.ts';

/** What the server measured of itself, in milliseconds. */
export type ServerHops = EventOf<'latency'>;

/**
 * Where the time goes on the way to the model and back, in milliseconds. The 80 ms that a frame takes to be spoken are
 * not in it, nor what the model itself waits before it answers.
 */
export interface LatencyReport extends ServerHops {
  /** One way up and one way down: half of each transport's round trip. */
  readonly networkMs: number;
  /** What waits in the browser's own jitter buffer. */
  readonly receiveBufferMs: number;
  /** From the browser's mixer to the loudspeaker; 0 where the browser does not tell. */
  readonly speakerMs: number;
  readonly totalMs: number;
}

/** Counters of getStats() that only ever grow, as they stood at one moment. */
export interface PlayoutCounters {
  /** Seconds that emitted samples spent in the jitter buffer, summed over samples. */
  readonly bufferDelayS: number;
  readonly emittedSamples: number;
  /** Seconds that played samples spent on their way to the loudspeaker, summed over samples. */
  readonly speakerDelayS: number;
  readonly playedSamples: number;
}

type Stats = Iterable<Record<string, unknown>>;

/** @returns the counters of one receiver's statistics; 0 for what the browser does not report. */
export function readPlayoutCounters(stats: Stats): PlayoutCounters {
  let [bufferDelayS, emittedSamples, speakerDelayS, playedSamples] = [0, 0, 0, 0];
  for (const entry of stats) {
    if (entry.type === 'inbound-rtp') {
      bufferDelayS = numberOr0(entry.jitterBufferDelay);
      emittedSamples = numberOr0(entry.jitterBufferEmittedCount);
    }
    if (entry.type === 'media-playout') {
      speakerDelayS = numberOr0(entry.totalPlayoutDelay);
      playedSamples = numberOr0(entry.totalSamplesCount);
    }
  }
  return { bufferDelayS, emittedSamples, speakerDelayS, playedSamples };
}

/** @returns the round trip of the pair in use, in milliseconds; undefined before the first one was measured. */
export function readRoundTripMs(stats: Stats): number | undefined {
  for (const entry of stats) {
    if (entry.type !== 'candidate-pair' || !(entry.nominated ?? entry.selected)) continue;
    const seconds = entry.currentRoundTripTime;
    if (typeof seconds === 'number') return seconds * 1000;
  }
  return undefined;
}

/**
 * Adds up one report over the time between two readings of the counters.
 *
 * @param roundTripsMs of the transport up and the transport down.
 */
export function latencyBetween(
  before: PlayoutCounters,
  now: PlayoutCounters,
  roundTripsMs: readonly [up: number, down: number],
  server: ServerHops,
): LatencyReport {
  const hops = {
    networkMs: (roundTripsMs[0] + roundTripsMs[1]) / 2,
    bufferMs: server.bufferMs,
    tickWaitMs: server.tickWaitMs,
    stepMs: server.stepMs,
    pacingMs: server.pacingMs,
    receiveBufferMs: meanMs(now.bufferDelayS - before.bufferDelayS, now.emittedSamples - before.emittedSamples),
    speakerMs: meanMs(now.speakerDelayS - before.speakerDelayS, now.playedSamples - before.playedSamples),
  };
  return { ...hops, totalMs: Object.values(hops).reduce((sum, ms) => sum + ms, 0) };
}

function meanMs(sumS: number, count: number): number {
  return count > 0 && sumS > 0 ? (sumS * 1000) / count : 0;
}

function numberOr0(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
