import { describe, expect, it } from 'vitest';
import { latencyBetween, readPlayoutCounters, readRoundTripMs } from './latency.ts';

const SERVER = { bufferMs: 90, tickWaitMs: 1, stepMs: 30, pacingMs: 2 };
const NOTHING_YET = { bufferDelayS: 0, emittedSamples: 0, speakerDelayS: 0, playedSamples: 0 };

describe('the latency of a call', () => {
  it('is half of each round trip, the server’s hops and the mean wait in the browser’s buffers', () => {
    const before = { bufferDelayS: 10, emittedSamples: 1_000, speakerDelayS: 1, playedSamples: 1_000 };
    const now = { bufferDelayS: 1_450, emittedSamples: 49_000, speakerDelayS: 481, playedSamples: 49_000 };

    const report = latencyBetween(before, now, [40, 20], SERVER);

    expect(report).toMatchObject({ networkMs: 30, receiveBufferMs: 30, speakerMs: 10, ...SERVER });
    expect(report.totalMs).toBeCloseTo(30 + 90 + 1 + 30 + 2 + 30 + 10, 9);
  });

  it('counts 0 for buffers that played nothing in between', () => {
    const report = latencyBetween(NOTHING_YET, NOTHING_YET, [0, 0], SERVER);

    expect(report).toMatchObject({ receiveBufferMs: 0, speakerMs: 0, totalMs: 123 });
  });
});

describe('reading statistics', () => {
  it('finds the buffers of the receiver and of the playout among other entries', () => {
    const counters = readPlayoutCounters([
      { type: 'codec' },
      { type: 'inbound-rtp', jitterBufferDelay: 12, jitterBufferEmittedCount: 480 },
      { type: 'media-playout', totalPlayoutDelay: 3, totalSamplesCount: 240 },
    ]);

    expect(counters).toEqual({ bufferDelayS: 12, emittedSamples: 480, speakerDelayS: 3, playedSamples: 240 });
  });

  it('takes what a browser does not report, or reports as nonsense, for 0', () => {
    expect(readPlayoutCounters([{ type: 'inbound-rtp', jitterBufferDelay: Number.NaN }])).toEqual(NOTHING_YET);
  });

  it('takes the round trip of the pair in use, not of one that was tried', () => {
    const tried = { type: 'candidate-pair', nominated: false, currentRoundTripTime: 9 };
    const used = { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.025 };

    expect(readRoundTripMs([tried, used])).toBe(25);
    expect(readRoundTripMs([tried])).toBeUndefined();
  });
});
