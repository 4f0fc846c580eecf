import { describe, expect, it } from 'vitest';
import { FRAME_MS, FRAME_SAMPLES } from '../audio.ts';
import { readRtpPacket } from '../rtp/rtp-packet.ts';
import { FrameClock } from './frame-clock.ts';
import type { Tick } from './frame-peer.ts';
import { ReplyPacer } from './reply-pacer.ts';

const PHASE_MS = 7;

function gridTick(nowMs: number, phaseMs = PHASE_MS): Tick {
  const index = Math.floor((nowMs - phaseMs) / FRAME_MS) + 1;
  return { index, atMs: phaseMs + index * FRAME_MS };
}

describe('a frame clock', () => {
  it('hands a frame over its lead before every tick', () => {
    const clock = new FrameClock({ leadMs: 2, nextTick: (nowMs) => gridTick(nowMs) }, 0);
    expect(clock.dueMs).toBe(5);
    expect(clock.take(4.9)).toBeUndefined();
    expect(clock.take(5)).toMatchObject({ tick: { index: 0, atMs: 7 }, dueMs: 5, skippedCount: 0, isMoved: false });
    expect(clock.take(5)).toBeUndefined();
    expect(clock.take(85)).toMatchObject({ tick: { index: 1 }, skippedCount: 0, isMoved: false });
  });

  it('neither repeats a tick nor leaves one out when the estimate of its time wavers', () => {
    let phaseMs = PHASE_MS;
    const clock = new FrameClock({ leadMs: 1, nextTick: (nowMs) => gridTick(nowMs, phaseMs) }, 0);
    const indexes: number[] = [];
    for (let nowMs = 0; nowMs < 8_000; nowMs += 0.25) {
      phaseMs = PHASE_MS + 2 * Math.sin(nowMs / 50);
      const due = clock.take(nowMs);
      if (due) indexes.push(due.tick.index);
      if (due) expect(due.isMoved).toBe(false);
    }
    expect(indexes).toEqual(Array.from({ length: indexes.length }, (_, i) => i));
    expect(indexes.length).toBe(100);
  });

  it('passes over ticks that went by while the process stood still', () => {
    const clock = new FrameClock({ leadMs: 1, nextTick: (nowMs) => gridTick(nowMs) }, 0);
    clock.take(6);
    expect(clock.take(6 + 3 * FRAME_MS + 20)).toBeUndefined();
    expect(clock.take(6 + 4 * FRAME_MS)).toMatchObject({ tick: { index: 4 }, skippedCount: 3, isMoved: false });
  });

  it('says when the ticks have moved', () => {
    let phaseMs = PHASE_MS;
    const clock = new FrameClock({ leadMs: 1, nextTick: (nowMs) => gridTick(nowMs, phaseMs) }, 0);
    clock.take(6);
    phaseMs = PHASE_MS + 30;
    clock.take(86);
    expect(clock.take(200)).toMatchObject({ isMoved: true });
  });
});

/** Lets the replies to 80 ms ticks come after `replyMs(index)`, and collects what is sent, at 0.25 ms steps. */
function pace(replyMs: (index: number) => number | undefined, tickCount: number, tickIndexOf = (i: number) => i) {
  const coded: number[] = [];
  const encoder = {
    encode: (pcm: Float32Array) => {
      coded.push(pcm[0]!);
      return Uint8Array.of(1);
    },
  };
  const pacer = new ReplyPacer({ encoder, ssrc: 1, payloadType: 111, firstSequence: 65_530, firstTimestamp: 0 });
  const sent: { atMs: number; dueMs: number; sequence: number; mediaMs: number; isMarked: boolean }[] = [];
  const replies: { index: number; atMs: number }[] = [];
  for (let nowMs = 0; nowMs < (tickCount + 2) * FRAME_MS; nowMs += 0.25) {
    if (nowMs % FRAME_MS === 0 && nowMs < tickCount * FRAME_MS) {
      const order = nowMs / FRAME_MS;
      const tick = { index: tickIndexOf(order), atMs: nowMs };
      pacer.expectReply({ tick, dueMs: nowMs - 1, skippedCount: 0, isMoved: false });
      const delayMs = replyMs(order);
      if (delayMs !== undefined) replies.push({ index: tick.index, atMs: nowMs + delayMs });
    }
    for (const reply of replies.filter(({ atMs }) => atMs === nowMs)) {
      pacer.pushReply(reply.index, new Float32Array(FRAME_SAMPLES).fill(reply.index), nowMs);
    }
    for (let packet = pacer.pollPacket(nowMs); packet; packet = pacer.pollPacket(nowMs)) {
      const { sequence, timestamp, isMarked } = readRtpPacket(packet.bytes, 48_000);
      const mediaMs = timestamp.value / 48;
      sent.push({ atMs: nowMs, dueMs: packet.dueMs, sequence: sequence.value, mediaMs, isMarked });
    }
  }
  return { pacer, sent, coded };
}

describe('a reply pacer', () => {
  it('sends four packets a frame, 20 ms apart, in order across the wrap', () => {
    const { pacer, sent } = pace(() => 10, 50);
    expect(sent.length).toBe(200);
    expect(sent.map(({ mediaMs }) => mediaMs)).toEqual(sent.map((_, i) => i * 20));
    expect(sent.map(({ sequence }) => sequence)).toEqual(sent.map((_, i) => (65_531 + i) % 65_536));
    const gaps = sent.slice(1).map(({ atMs }, i) => atMs - sent[i]!.atMs);
    expect(Math.max(...gaps.map((gap) => Math.abs(gap - 20)))).toBeLessThan(1);
    expect(sent.filter(({ isMarked }) => isMarked).length).toBe(1);
    expect(pacer.counters).toMatchObject({ latePacketCount: 0, underrunCount: 0, droppedPacketCount: 0 });
  });

  it('covers the 99th percentile of the steps and no more', () => {
    const { pacer, sent } = pace((i) => (i % 150 === 50 ? 30 : 8 + (i % 5)), 400);
    // 8 to 12 ms and, one time in 150, 30.
    expect(pacer.offsetMs).toBeGreaterThan(12);
    expect(pacer.offsetMs).toBeLessThan(14);
    const late = sent.filter(({ atMs, dueMs }) => atMs - dueMs > 5);
    expect(late.length).toBeLessThanOrEqual(8);
    expect(pacer.counters.latePacketCount).toBe(late.length);
  });

  it('forgets the slow replies of a call’s first second within five more', () => {
    const { pacer, sent } = pace((i) => (i < 12 ? 30 : 6), 75);
    expect(pacer.offsetMs).toBeLessThan(8);
    expect(pacer.counters).toMatchObject({ latePacketCount: 0, underrunCount: 0, droppedPacketCount: 0 });
    const gaps = sent.slice(1).map(({ atMs }, i) => atMs - sent[i]!.atMs);
    expect(Math.max(...gaps)).toBeLessThan(21);
  });

  it('drops what is too late, codes it all the same, and keeps the time of what follows', () => {
    const { pacer, sent, coded } = pace((i) => (i === 60 ? 58 : 10), 100);
    expect(pacer.counters.droppedPacketCount).toBe(2);
    expect(pacer.counters.underrunCount).toBe(3);
    expect(pacer.counters.latePacketCount).toBe(1);
    expect(coded.length).toBe(400);
    expect(sent.length).toBe(398);
    // The receiver sees the gap in sequence numbers and timestamps alike.
    for (const [i, packet] of sent.entries()) {
      if (i === 0) continue;
      const steps = (packet.mediaMs - sent[i - 1]!.mediaMs) / 20;
      expect((packet.sequence - sent[i - 1]!.sequence + 65_536) % 65_536).toBe(steps);
    }
    const after = sent.filter(({ mediaMs }) => mediaMs >= 61 * FRAME_MS).map(({ atMs, dueMs }) => atMs - dueMs);
    expect(Math.max(...after)).toBeLessThan(0.5);
  });

  it('counts an underrun for each pacing time without a reply, and goes on in time', () => {
    const { pacer, sent } = pace((i) => (i >= 60 && i < 65 ? undefined : 10), 100);
    expect(pacer.counters.underrunCount).toBe(20);
    const afterGap = sent.find(({ mediaMs }) => mediaMs >= 60 * FRAME_MS)!;
    expect(afterGap.mediaMs).toBe(65 * FRAME_MS);
    expect(afterGap.isMarked).toBe(true);
    expect(afterGap.sequence).toBe(sent[239]!.sequence + 1);
  });

  it('counts replies that nobody awaits, and refuses broken ones', () => {
    const { pacer } = pace(() => 10, 5);
    pacer.pushReply(99, new Float32Array(FRAME_SAMPLES), 1000);
    pacer.pushReply(2, new Float32Array(FRAME_SAMPLES), 1000);
    expect(pacer.counters.strayReplyCount).toBe(2);
    expect(() => pacer.pushReply(3, new Float32Array(100), 1000)).toThrow(/FRAME_INVALID/);
    expect(() => pacer.pushReply(3, new Float32Array(FRAME_SAMPLES).fill(Number.NaN), 1000)).toThrow(/FRAME_INVALID/);
  });

  it('keeps its timestamps going when another peer counts from another index', () => {
    const encoder = { encode: () => Uint8Array.of(1) };
    const pacer = new ReplyPacer({ encoder, ssrc: 1, payloadType: 111, firstSequence: 0, firstTimestamp: 0 });
    const mediaMs: number[] = [];
    const play = (index: number, atMs: number) => {
      pacer.expectReply({ tick: { index, atMs }, dueMs: atMs, skippedCount: 0, isMoved: false });
      pacer.pushReply(index, new Float32Array(FRAME_SAMPLES), atMs + 5);
      for (let nowMs = atMs; nowMs < atMs + 79; nowMs += 1) {
        const packet = pacer.pollPacket(nowMs);
        if (packet) mediaMs.push(readRtpPacket(packet.bytes, 48_000).timestamp.value / 48);
      }
    };
    for (let i = 0; i < 3; i += 1) play(5_000 + i, 80 * i);
    pacer.forget();
    for (let i = 0; i < 3; i += 1) play(i, 1_013 + 80 * i);
    expect(mediaMs.slice(0, 12)).toEqual(Array.from({ length: 12 }, (_, i) => 20 * i));
    expect(mediaMs.slice(12)).toEqual(Array.from({ length: 12 }, (_, i) => 1_013 + 20 * i));
  });
});
