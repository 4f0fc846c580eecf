import { FRAME_MS, FRAME_SAMPLES, PACKET_MS, PACKET_SAMPLES, PACKETS_PER_FRAME } from '../audio.ts';
import { MediaError } from '../errors.ts';
import { writeRtpPacket } from '../rtp/rtp-packet.ts';
import { RtpTimestamp, SequenceNumber } from '../rtp/wrapping.ts';
import type { DueFrame } from './frame-clock.ts';
import { PacingOffset } from './pacing-offset.ts';

// RFC 7587 §4.1: the RTP clock of Opus is 48 kHz, whatever rate is coded.
const OPUS_CLOCK_RATE_HZ = 48_000;
/** Handed over later than this after its time, a packet counts as late. */
const LATE_MS = 5;
/** Ticks whose replies may still come; the oldest is given up beyond it. */
const TICKS_AWAITED_MAX = 8;

/** What codes 20 ms of PCM for the way to the caller. */
export interface PacketEncoder {
  encode(pcm: Float32Array): Uint8Array;
}

export interface ReplyPacerOptions {
  readonly encoder: PacketEncoder;
  readonly ssrc: number;
  readonly payloadType: number;
  /** Both wrap; random in a real call. */
  readonly firstSequence: number;
  readonly firstTimestamp: number;
}

export interface PacerCounters {
  packetCount: number;
  latePacketCount: number;
  underrunCount: number;
  droppedPacketCount: number;
  strayReplyCount: number;
}

export interface PacedPacket {
  readonly bytes: Uint8Array;
  /** Its pacing time. */
  readonly dueMs: number;
}

/** A tick and, once it is here, its reply. */
interface PacedFrame {
  readonly index: number;
  readonly atMs: number;
  /** Pacing time of its first packet; infinity before the first reply of all, when nothing can be missed yet. */
  baseMs: number;
  /** Place of its first sample in the peer's voice, milliseconds. */
  readonly mediaMs: number;
  pcm: Float32Array | undefined;
  /** Packets sent or dropped. */
  doneCount: number;
  /** Pacing times that passed while the reply was not there. */
  missedCount: number;
}

/**
 * Cuts replies into packets of 20 ms and hands each over at its time: the time of the reply's tick, plus an offset that
 * covers the peer's usual step, plus its place in the frame. Timestamps follow the ticks, so a late reply never moves
 * those after it: of its packets those due within the last 20 ms leave at once, older ones are dropped, and their
 * sequence numbers with them, so that the receiver restores what it can from the copy in the next packet.
 */
export class ReplyPacer {
  readonly counters: PacerCounters = {
    packetCount: 0,
    latePacketCount: 0,
    underrunCount: 0,
    droppedPacketCount: 0,
    strayReplyCount: 0,
  };
  readonly #options: ReplyPacerOptions;
  readonly #offset = new PacingOffset();
  #frames: PacedFrame[] = [];
  #last: { readonly index: number; readonly atMs: number; readonly mediaMs: number } | undefined;
  #sequence: SequenceNumber;
  #hasReplied = false;
  #isInGap = true;

  constructor(options: ReplyPacerOptions) {
    this.#options = options;
    this.#sequence = new SequenceNumber(options.firstSequence);
  }

  /** From a tick to the pacing time of its reply's first packet. */
  get offsetMs(): number {
    return this.#offset.offsetMs;
  }

  /** When there is something to do next. */
  get wakeAtMs(): number {
    const head = this.#frames[0];
    return head === undefined ? Number.POSITIVE_INFINITY : nextDueMs(head);
  }

  /** Says that a reply to this frame is to come. */
  expectReply({ tick, isMoved }: DueFrame): void {
    const mediaMs = this.#mediaMsOf(tick.index, tick.atMs, isMoved);
    this.#last = { ...tick, mediaMs };
    const baseMs = this.#hasReplied ? tick.atMs + this.#offset.offsetMs : Number.POSITIVE_INFINITY;
    this.#frames.push({ ...tick, baseMs, mediaMs, pcm: undefined, doneCount: 0, missedCount: 0 });
    if (this.#frames.length > TICKS_AWAITED_MAX) this.#frames.shift();
  }

  /** Another peer answers from now on: what is here is still sent, nothing more is awaited. */
  forget(): void {
    this.#frames = this.#frames.filter((frame) => frame.pcm !== undefined);
    this.#offset.clear();
    this.#hasReplied = false;
    this.#isInGap = true;
  }

  /**
   * @param pcm 1920 mono samples of 24 kHz, the reply to that tick; kept until it is sent.
   * @returns how long after its tick it came; undefined for one that is not awaited.
   * @throws {MediaError} `FRAME_INVALID`; nothing has changed then.
   */
  pushReply(tickIndex: number, pcm: Float32Array, nowMs: number): number | undefined {
    if (pcm.length !== FRAME_SAMPLES || !pcm.every(Number.isFinite)) {
      throw new MediaError('FRAME_INVALID', `a reply of ${pcm.length} samples, or one that is not finite`);
    }
    const frame = this.#frames.find(({ index, pcm: reply }) => index === tickIndex && reply === undefined);
    if (frame === undefined) {
      this.counters.strayReplyCount += 1;
      return undefined;
    }
    const replyMs = nowMs - frame.atMs;
    this.#offset.add(replyMs);
    frame.pcm = pcm;
    if (!this.#hasReplied) this.#begin(frame);
    return replyMs;
  }

  /** @returns the next packet whose time has come; undefined where there is none yet. */
  pollPacket(nowMs: number): PacedPacket | undefined {
    for (let frame = this.#frames[0]; frame !== undefined; frame = this.#frames[0]) {
      if (frame.pcm === undefined && this.#isAwaited(frame, nowMs)) return undefined;
      if (frame.pcm === undefined || frame.doneCount === PACKETS_PER_FRAME) {
        this.#isInGap ||= frame.pcm === undefined;
        this.#frames.shift();
        continue;
      }
      const dueMs = nextDueMs(frame);
      if (dueMs > nowMs) return undefined;
      const bytes = this.#nextPacket(frame, frame.pcm, nowMs - dueMs);
      if (bytes !== undefined) return { bytes, dueMs };
    }
    return undefined;
  }

  #begin(first: PacedFrame): void {
    this.#hasReplied = true;
    // Ticks before it have got no reply and will not; those after it are due from now on.
    this.#frames = this.#frames.filter((frame) => frame.index >= first.index || frame.pcm !== undefined);
    for (const frame of this.#frames) {
      if (frame.baseMs === Number.POSITIVE_INFINITY) frame.baseMs = frame.atMs + this.#offset.offsetMs;
    }
  }

  /** Ticks of another peer, or ticks that have moved, are counted by the clock and not by their index. */
  #mediaMsOf(index: number, atMs: number, isMoved: boolean): number {
    if (this.#last === undefined) return 0;
    const isCounted = !isMoved && index > this.#last.index && this.#hasReplied;
    const elapsedMs = isCounted ? (index - this.#last.index) * FRAME_MS : Math.round(atMs - this.#last.atMs);
    return this.#last.mediaMs + Math.max(FRAME_MS, elapsedMs);
  }

  /** Counts the pacing times that pass without the reply. @returns false where none of it could be of use any more. */
  #isAwaited(frame: PacedFrame, nowMs: number): boolean {
    while (frame.missedCount < PACKETS_PER_FRAME && nowMs >= nextDueMs(frame)) {
      frame.missedCount += 1;
      this.counters.underrunCount += 1;
    }
    return nowMs < frame.baseMs + FRAME_MS;
  }

  #nextPacket(frame: PacedFrame, pcm: Float32Array, lateMs: number): Uint8Array | undefined {
    const place = frame.doneCount;
    frame.doneCount += 1;
    // Coded when it is sent, so that many calls with one tick share the work out over the frame; and coded even where
    // it is dropped, for the coder's memory has to follow what the peer said.
    const payload = this.#options.encoder.encode(pcm.subarray(place * PACKET_SAMPLES, (place + 1) * PACKET_SAMPLES));
    this.#sequence = this.#sequence.next();
    if (lateMs > PACKET_MS) {
      this.counters.droppedPacketCount += 1;
      return undefined;
    }
    this.counters.packetCount += 1;
    if (lateMs > LATE_MS) this.counters.latePacketCount += 1;
    const isMarked = this.#isInGap;
    this.#isInGap = false;
    const { ssrc, payloadType, firstTimestamp } = this.#options;
    const timestamp = new RtpTimestamp(firstTimestamp, OPUS_CLOCK_RATE_HZ).plusMs(frame.mediaMs + place * PACKET_MS);
    return writeRtpPacket({ payloadType, isMarked, sequence: this.#sequence, timestamp, ssrc, payload });
  }
}

function nextDueMs(frame: PacedFrame): number {
  return frame.baseMs + (frame.pcm === undefined ? frame.missedCount : frame.doneCount) * PACKET_MS;
}
