import { describe, expect, it } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES, PACKET_SAMPLES, SAMPLE_RATE_HZ, SAMPLES_PER_MS } from '../audio.ts';
import { PcmDecoder } from '../testing/pcm-codec.ts';
import { toneSnrDb } from '../testing/signals.ts';
import { type Arrival, type NetworkOptions, virtualNetwork } from '../testing/virtual-network.ts';
import { JitterBuffer } from './jitter-buffer.ts';

const TONE_HZ = 440;
const AMPLITUDE = 0.5;
// 440 Hz repeats after 600 samples at 24 kHz.
const TONE = Float32Array.from({ length: 600 + 1440 }, (_, i) =>
  Math.fround(AMPLITUDE * Math.sin((2 * Math.PI * TONE_HZ * (i % 600)) / SAMPLE_RATE_HZ)),
);

function tonePacket(packetIndex: number, samples = PACKET_SAMPLES): Uint8Array {
  const at = (packetIndex * samples) % 600;
  return PcmDecoder.encode(TONE.subarray(at, at + samples));
}

interface Frame {
  readonly pcm: Float32Array;
  readonly dueMs: number;
  /** Media time of the sample right after the frame, in milliseconds. */
  readonly endMs: number;
}

/** Feeds arrivals and takes a frame every 80 ms, from `firstTickMs` on. */
function* play(buffer: JitterBuffer, arrivals: Iterable<Arrival>, firstTickMs: number): Generator<Frame> {
  let dueMs = firstTickMs;
  for (const { packet, atMs } of arrivals) {
    for (; dueMs < atMs; dueMs += FRAME_MS) {
      const pcm = buffer.takeFrame(dueMs);
      yield { pcm, dueMs, endMs: buffer.position / SAMPLES_PER_MS };
    }
    buffer.pushPacket(packet, atMs);
  }
}

function givenCall(options: NetworkOptions & { seconds: number; firstTickMs?: number }): {
  buffer: JitterBuffer;
  frames: Generator<Frame>;
} {
  const buffer = new JitterBuffer(new PcmDecoder());
  const packetMs = options.packetMs ?? 20;
  const arrivals = virtualNetwork(
    (options.seconds * 1000) / packetMs,
    (index) => tonePacket(index, packetMs * SAMPLES_PER_MS),
    options,
  );
  return { buffer, frames: play(buffer, arrivals, options.firstTickMs ?? 500) };
}

/** How old the newest sample of a frame is when it is due, beyond the packet that it came in. */
function waitMs(frame: Frame, options: NetworkOptions): number {
  return frame.dueMs - frame.endMs / (1 + (options.driftPpm ?? 0) * 1e-6) - (options.startMs ?? 0);
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe('a clean network', () => {
  it('costs under 14 ms beyond the packet, of which 10 are the phase between packet and tick', () => {
    const waits: number[] = [];
    for (let phase = 0; phase < 20; phase += 1) {
      const { buffer, frames } = givenCall({ seconds: 8, firstTickMs: 500 + phase, seed: phase });
      const last = [...frames].slice(-20);
      waits.push(mean(last.map((frame) => waitMs(frame, {}))));
      expect(buffer.counters).toMatchObject({ concealedSamples: 0, lostPacketCount: 0, tooLatePacketCount: 0 });
      expect(buffer.counters.resyncCount).toBe(1);
    }
    expect(mean(waits)).toBeLessThan(14);
    expect(Math.max(...waits)).toBeLessThan(24);
    expect(Math.min(...waits)).toBeGreaterThan(0);
  });

  it.each([10, 20, 40, 60])('gives every sample of %i ms packets back as it was', (packetMs) => {
    const { buffer, frames } = givenCall({ seconds: 6, packetMs, firstTickMs: 507, seed: 3 });
    const tail = [...frames].slice(-25);
    expect(buffer.counters.concealedSamples).toBe(0);
    for (const frame of tail) {
      const at = Math.round(frame.endMs * SAMPLES_PER_MS) - FRAME_SAMPLES;
      const wanted = Float32Array.from(frame.pcm, (_, i) => TONE[(((at + i) % 600) + 600) % 600]!);
      expect(frame.pcm).toEqual(wanted);
    }
  });
});

describe('clocks that drift over an hour', () => {
  it.each([200, -200])(
    'holds the delay within 20 ms, inaudibly, at %i ppm',
    (driftPpm) => {
      const options = { driftPpm, jitterMs: 2 };
      const { buffer, frames } = givenCall({ ...options, seconds: 3600, firstTickMs: 500 });
      let startMs: number | undefined;
      let worstMs = 0;
      let worstSnrDb = Number.POSITIVE_INFINITY;
      let sharpest = 0;
      let previous: Float32Array | undefined;
      for (const frame of frames) {
        if (frame.dueMs < 10_000) continue;
        const wait = waitMs(frame, options);
        startMs ??= wait;
        worstMs = Math.max(worstMs, Math.abs(wait - startMs));
        // A frame is the tone as it was or, while corrected, 0.5 % higher or lower.
        const candidates = [1, 1 + 10 / FRAME_SAMPLES, 1 - 10 / FRAME_SAMPLES];
        const snrDb = Math.max(...candidates.map((ratio) => toneSnrDb(frame.pcm, TONE_HZ * ratio)));
        worstSnrDb = Math.min(worstSnrDb, snrDb);
        if (previous !== undefined) sharpest = Math.max(sharpest, seamSharpness(previous, frame.pcm));
        previous = frame.pcm;
      }
      const { removedSamples, insertedSamples, concealedSamples, correctedFrameCount } = buffer.counters;
      const corrected = driftPpm > 0 ? removedSamples - insertedSamples : insertedSamples - removedSamples;
      expect(worstMs).toBeLessThan(20);
      expect(corrected / SAMPLES_PER_MS).toBeGreaterThan(690);
      expect(corrected / SAMPLES_PER_MS).toBeLessThan(750);
      expect(removedSamples + insertedSamples).toBeLessThan(1.2 * corrected + 1000);
      expect(correctedFrameCount).toBeGreaterThan(1000);
      expect(concealedSamples).toBe(0);
      expect(worstSnrDb).toBeGreaterThan(60);
      // Second difference across seams, against that of the tone itself: a click would be many times it.
      expect(sharpest / (AMPLITUDE * ((2 * Math.PI * TONE_HZ) / SAMPLE_RATE_HZ) ** 2)).toBeLessThan(1.1);
    },
    60_000,
  );
});

function seamSharpness(before: Float32Array, after: Float32Array): number {
  const around = [before.at(-2)!, before.at(-1)!, after[0]!, after[1]!];
  return Math.max(
    Math.abs(around[0]! - 2 * around[1]! + around[2]!),
    Math.abs(around[1]! - 2 * around[2]! + around[3]!),
  );
}

describe('a bad network', () => {
  it('puts packets in order and drops duplicates', () => {
    const { buffer, frames } = givenCall({ seconds: 30, jitterMs: 45, duplicatePercent: 10, seed: 5 });
    const tail = [...frames].slice(40);
    const { duplicatePacketCount, reorderedPacketCount, concealedSamples, lostPacketCount } = buffer.counters;
    expect(duplicatePacketCount).toBeGreaterThan(100);
    expect(reorderedPacketCount).toBeGreaterThan(100);
    expect(concealedSamples).toBeLessThan(0.01 * 30 * SAMPLE_RATE_HZ);
    expect(lostPacketCount).toBeLessThan(20);
    const clean = tail.filter((frame) => toneSnrDb(frame.pcm, TONE_HZ) > 40);
    expect(clean.length / tail.length).toBeGreaterThan(0.8);
  });

  it('waits no longer than the slowest packets of 40 ms of jitter need', () => {
    const waits = Array.from({ length: 10 }, (_, i) => {
      const { frames } = givenCall({ jitterMs: 40, seed: i, seconds: 30, firstTickMs: 500 + 2 * i });
      return mean([...frames].slice(200).map((frame) => waitMs(frame, {})));
    });
    expect(mean(waits)).toBeLessThan(56);
  });

  it('gives the delay back when the network is calm again', () => {
    const buffer = new JitterBuffer(new PcmDecoder());
    const rough = [...virtualNetwork(1500, tonePacket, { jitterMs: 40, seed: 9 })];
    const calm = [...virtualNetwork(3000, tonePacket, { jitterMs: 1, seed: 9 })].filter((a) => a.packetIndex >= 1500);
    const frames = [
      ...play(
        buffer,
        [...rough, ...calm].sort((a, b) => a.atMs - b.atMs),
        507,
      ),
    ];
    expect(mean(frames.slice(-50).map((frame) => waitMs(frame, {})))).toBeLessThan(25);
    expect(buffer.counters.resyncCount).toBe(1);
  });

  it('loses 300 ms of an outage of 300 ms, and no delay remains', () => {
    const buffer = new JitterBuffer(new PcmDecoder());
    const arrivals = [...virtualNetwork(1000, tonePacket, { seed: 11 })].map((arrival) =>
      // Held up on the way and delivered all at once.
      arrival.atMs > 8_000 && arrival.atMs < 8_300
        ? { ...arrival, atMs: 8_300 + (arrival.atMs - 8_000) / 1e4 }
        : arrival,
    );
    const frames = [...play(buffer, arrivals, 507)];
    const waitAt = (ms: number) => waitMs(frames.find((frame) => frame.dueMs > ms)!, {});
    expect(Math.abs(waitAt(15_000) - waitAt(7_900))).toBeLessThan(21);
    expect(buffer.counters.concealedSamples / SAMPLES_PER_MS).toBeLessThan(320);
    expect(buffer.counters.frameDeficitCount).toBeGreaterThan(0);
    expect(buffer.counters.resyncCount).toBe(1);
  });
});

describe('a caller whose stream changes', () => {
  it('takes a pause without packets for a pause', () => {
    const buffer = new JitterBuffer(new PcmDecoder());
    const speakOrPause = (index: number) => (index % 200 < 100 || index % 20 === 0 ? tonePacket(index) : undefined);
    const frames = [...play(buffer, virtualNetwork(1000, speakOrPause, { seed: 12 }), 507)];
    expect(frames.length).toBeGreaterThan(200);
    const { concealedSamples, pausedSamples, lostPacketCount, frameDeficitCount, resyncCount } = buffer.counters;
    expect({ concealedSamples, lostPacketCount, frameDeficitCount, resyncCount }).toEqual({
      concealedSamples: 0,
      lostPacketCount: 0,
      frameDeficitCount: 0,
      resyncCount: 1,
    });
    expect(pausedSamples / SAMPLE_RATE_HZ).toBeGreaterThan(7);
  });

  it('follows a jump of the timestamps within 100 ms', () => {
    const buffer = new JitterBuffer(new PcmDecoder());
    const arrivals = [...virtualNetwork(600, tonePacket, { seed: 13 })].map(({ packet, ...rest }) => {
      const timestamp = rest.packetIndex < 300 ? packet.timestamp : packet.timestamp.plusMs(3_600_000);
      return { ...rest, packet: { ...packet, timestamp } };
    });
    const frames = [...play(buffer, arrivals, 507)];
    expect(buffer.counters.resyncCount).toBe(2);
    expect(buffer.counters.concealedSamples / SAMPLES_PER_MS).toBeLessThan(180);
    expect(frames.slice(-50).every((frame) => toneSnrDb(frame.pcm, TONE_HZ) > 60)).toBe(true);
  });

  it('follows another SSRC at its first packet', () => {
    const buffer = new JitterBuffer(new PcmDecoder());
    const arrivals = [...virtualNetwork(600, tonePacket, { seed: 14 })].map(({ packet, ...rest }) => ({
      ...rest,
      packet: { ...packet, ssrc: rest.packetIndex < 300 ? 1 : 2 },
    }));
    const frames = [...play(buffer, arrivals, 507)];
    expect(buffer.counters.resyncCount).toBe(2);
    expect(frames.slice(-50).every((frame) => toneSnrDb(frame.pcm, TONE_HZ) > 60)).toBe(true);
  });

  it('goes on when sequence numbers and timestamps wrap', () => {
    const buffer = new JitterBuffer(new PcmDecoder());
    const options = { seed: 15, firstSequence: 65_400, firstTimestamp: 2 ** 32 - 100_000 };
    const frames = [...play(buffer, virtualNetwork(600, tonePacket, options), 507)];
    expect(frames.slice(10).every((frame) => toneSnrDb(frame.pcm, TONE_HZ) > 60)).toBe(true);
    expect(buffer.counters).toMatchObject({ resyncCount: 1, concealedSamples: 0 });
  });

  it('changes nothing for a packet that is refused', () => {
    const buffer = new JitterBuffer(new PcmDecoder());
    const [arrival] = [...virtualNetwork(1, tonePacket)];
    expect(() => buffer.pushPacket({ ...arrival!.packet, payload: new Uint8Array(3) }, 0)).toThrow(/OPUS_PACKET/);
    expect(buffer.counters.packetCount).toBe(0);
    expect(buffer.takeFrame(80)).toEqual(new Float32Array(FRAME_SAMPLES));
  });

  it('passes over frames that nobody took, and chooses anew when ticks move', () => {
    const { buffer, frames } = givenCall({ seconds: 20, seed: 16 });
    for (let i = 0; i < 100; i += 1) frames.next();
    const before = buffer.position;
    buffer.skipFrames(2);
    expect(buffer.position - before).toBe(2 * FRAME_SAMPLES);
    buffer.realign();
    frames.next();
    expect(buffer.counters.resyncCount).toBe(2);
  });
});
