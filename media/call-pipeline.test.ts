import { describe, expect, it } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES, levelDbfs, PACKET_SAMPLES, SAMPLE_RATE_HZ } from './audio.ts';
import { CallPipeline } from './call-pipeline.ts';
import type { FramePeer } from './frames/frame-peer.ts';
import { OpusDecoder } from './opus/opus-decoder.ts';
import { OpusEncoder } from './opus/opus-encoder.ts';
import { readRtpPacket, writeRtpPacket } from './rtp/rtp-packet.ts';
import { seededRandom } from './testing/seeded-random.ts';
import { toneLevelDbfs } from './testing/signals.ts';
import { type NetworkOptions, virtualNetwork } from './testing/virtual-network.ts';

const STEP_MS = 12;

/** Replies to every frame with itself, `stepMs` after its tick. */
class VirtualEcho implements FramePeer {
  readonly leadMs = 1;
  readonly frames: { readonly tickIndex: number; readonly pcm: Float32Array }[] = [];
  readonly #phaseMs: number;

  constructor(phaseMs: number) {
    this.#phaseMs = phaseMs;
  }

  nextTick(nowMs: number) {
    const index = Math.floor((nowMs - this.#phaseMs) / FRAME_MS) + 1;
    return { index, atMs: this.atMs(index) };
  }

  atMs(index: number): number {
    return this.#phaseMs + index * FRAME_MS;
  }

  sendFrame(tickIndex: number, pcm: Float32Array): void {
    this.frames.push({ tickIndex, pcm });
  }
}

/** A call of a tone through the pipeline and back, on virtual time. */
class VirtualCall {
  readonly encoder = new OpusEncoder();
  readonly decoder = new OpusDecoder();
  readonly echo: VirtualEcho;
  readonly heard: { readonly atMs: number; readonly pcm: Float32Array }[] = [];
  readonly pipeline: CallPipeline;
  readonly #ownDecoder = new OpusDecoder();
  readonly #ownEncoder = new OpusEncoder();
  #replies: { atMs: number; tickIndex: number; pcm: Float32Array }[] = [];
  #wakeAtMs = 0;

  constructor(phaseMs = 13) {
    this.echo = new VirtualEcho(phaseMs);
    this.pipeline = new CallPipeline({
      encoder: this.#ownEncoder,
      decoder: this.#ownDecoder,
      ssrc: 5,
      payloadType: 111,
      firstSequence: 65_000,
      firstTimestamp: 2 ** 32 - 1000,
    });
    this.pipeline.setPeer(this.echo, 0);
  }

  speak(seconds: number, hz: number, options: NetworkOptions = {}): void {
    const payloadAt = (packetIndex: number) => {
      const first = packetIndex * PACKET_SAMPLES;
      return this.encoder.encode(
        Float32Array.from(
          { length: PACKET_SAMPLES },
          (_, i) => 0.3 * Math.sin((2 * Math.PI * hz * (first + i)) / SAMPLE_RATE_HZ),
        ),
      );
    };
    for (const { packet, atMs } of virtualNetwork(seconds * 50, payloadAt, options)) {
      this.runUntil(atMs);
      this.pipeline.handlePacket(writeRtpPacket(packet), atMs);
      this.#drain(atMs);
    }
  }

  runUntil(untilMs: number): void {
    for (;;) {
      const replyAtMs = this.#replies[0]?.atMs ?? Number.POSITIVE_INFINITY;
      const nowMs = Math.min(this.#wakeAtMs, replyAtMs);
      if (nowMs > untilMs) return;
      if (replyAtMs <= nowMs) {
        const { tickIndex, pcm } = this.#replies.shift()!;
        this.pipeline.handleReply(tickIndex, pcm, nowMs);
      }
      this.#drain(nowMs);
    }
  }

  close(): void {
    for (const codec of [this.encoder, this.decoder, this.#ownEncoder, this.#ownDecoder]) codec.close();
  }

  #drain(nowMs: number): void {
    for (;;) {
      const output = this.pipeline.pollOutput(nowMs);
      if (output.kind === 'idle') {
        expect(output.wakeAtMs).toBeGreaterThan(nowMs);
        this.#wakeAtMs = output.wakeAtMs;
        return;
      }
      if (output.kind === 'packet') {
        const { payload } = readRtpPacket(output.bytes, 48_000);
        this.heard.push({ atMs: nowMs, pcm: this.decoder.decode(payload) });
      } else {
        output.peer.sendFrame(output.tickIndex, output.pcm);
        const atMs = this.echo.atMs(output.tickIndex) + STEP_MS;
        this.#replies.push({ atMs, tickIndex: output.tickIndex, pcm: output.pcm });
      }
    }
  }
}

describe('a call through the pipeline', () => {
  it('gives the tone back at its level, with every tick answered and every packet in time', () => {
    const call = new VirtualCall();
    call.speak(10, 440);
    const { input, output, latency } = call.pipeline.stats();
    call.close();
    expect(input).toMatchObject({ lostPacketCount: 0, concealedMs: 0, frameDeficitCount: 0, invalidPacketCount: 0 });
    expect(output).toMatchObject({ latePacketCount: 0, underrunCount: 0, droppedPacketCount: 0, strayReplyCount: 0 });
    expect(input.frameCount).toBe(125);
    expect(call.echo.frames.map(({ tickIndex }) => tickIndex)).toEqual(
      call.echo.frames.map((_, i) => call.echo.frames[0]!.tickIndex + i),
    );
    const last = call.heard.slice(-50);
    for (const { pcm } of last) expect(toneLevelDbfs(pcm, 440)).toBeCloseTo(20 * Math.log10(0.3) - 3.01, 0);
    expect(input.levelDbfs).toBeCloseTo(-13.5, 0);
    expect(output.levelDbfs).toBeCloseTo(-13.5, 0);
    expect(latency?.tickWaitMs).toBeCloseTo(1, 5);
    expect(latency?.replyMs).toBeCloseTo(STEP_MS, 5);
    expect(latency?.pacingMs).toBeLessThan(3);
    expect(latency?.bufferMs).toBeLessThan(24);
  });

  it('has no latency to tell before a frame of the caller was answered', () => {
    const call = new VirtualCall();
    call.runUntil(1_000);
    expect(call.echo.frames.length).toBeGreaterThan(10);
    expect(call.pipeline.stats().latency).toBeUndefined();
    call.speak(1, 440, { startMs: 1_000 });
    expect(call.pipeline.stats().latency?.replyMs).toBeCloseTo(STEP_MS, 5);
    call.close();
  });

  it('survives 5 % loss and 40 ms of jitter with few gaps', () => {
    const call = new VirtualCall();
    call.speak(60, 440, { seed: 21, lossPercent: 5, jitterMs: 40 });
    const { input, output } = call.pipeline.stats();
    call.close();
    const late = input.tooLatePacketCount;
    expect(input.lostPacketCount + input.fecRestoredPacketCount - late).toBeGreaterThan(100);
    expect(input.concealedMs).toBeLessThan(0.07 * 60_000);
    expect(output.underrunCount).toBe(0);
    const quiet = call.heard.slice(100).filter(({ pcm }) => levelDbfs(pcm) < -30);
    expect(quiet.length / call.heard.length).toBeLessThan(0.01);
  });

  it('is unharmed by 20,000 broken datagrams among the good ones', () => {
    const random = seededRandom(3);
    const call = new VirtualCall();
    call.speak(2, 440);
    let refused = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const junk = Uint8Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256));
      // Half of them look like RTP, so that they reach the codec; another SSRC each time would restart the stream.
      if (junk.length >= 12 && random() < 0.5) junk.set([0x80, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 77]);
      if (junk.length >= 12 && junk[0]! >> 6 === 2) junk.set([0, 0, 0, 77], 8);
      if (!call.pipeline.handlePacket(junk, 2_000 + i / 100)) refused += 1;
    }
    expect(refused).toBeGreaterThan(10_000);
    expect(call.pipeline.stats().input.invalidPacketCount).toBe(refused);
    call.speak(4, 440, { startMs: 2_300, firstSequence: 1_100, firstTimestamp: 5_000 + 115 * 960 });
    const last = call.heard.slice(-50);
    call.close();
    for (const { pcm } of last) expect(toneLevelDbfs(pcm, 440)).toBeGreaterThan(-18);
  });

  it('takes another peer in the middle of a call without a jump of its timestamps', () => {
    const call = new VirtualCall();
    call.speak(3, 440);
    call.pipeline.setPeer(undefined, 3_000);
    call.runUntil(3_500);
    expect(call.pipeline.pollOutput(3_500)).toEqual({ kind: 'idle', wakeAtMs: Number.POSITIVE_INFINITY });
    const heardBefore = call.heard.length;
    call.pipeline.setPeer(call.echo, 3_500);
    call.speak(3, 440, { startMs: 3_500, firstSequence: 1_150, firstTimestamp: 5_000 + 175 * 960 });
    call.close();
    expect(call.heard.length - heardBefore).toBeGreaterThan(120);
    for (const { pcm } of call.heard.slice(-50)) expect(toneLevelDbfs(pcm, 440)).toBeGreaterThan(-18);
    expect(FRAME_SAMPLES).toBe(call.echo.frames.at(-1)!.pcm.length);
  });
});
