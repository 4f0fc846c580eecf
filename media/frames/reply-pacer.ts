import { FRAME_SAMPLES, PACKET_MS, PACKET_SAMPLES, PACKETS_PER_FRAME } from '../audio.ts';
import { MediaError } from '../errors.ts';
import { writeRtpPacket } from '../rtp/rtp-packet.ts';
import { RtpTimestamp, SequenceNumber } from '../rtp/wrapping.ts';
import type { Tick } from './frame-peer.ts';
import { PacingOffset } from './pacing-offset.ts';

// RFC 7587 §4.1: the RTP clock of Opus is 48 kHz, whatever rate is coded.
const OPUS_CLOCK_RATE_HZ = 48_000;
/** Handed over later than this after its time, a packet counts as late. */
const LATE_MS = 5;
/** Ticks whose replies may still come; a reply to an older one belongs nowhere. */
const TICKS_WAITED_FOR_MAX = 8;

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

/** A packet that waits for its time. */
interface Paced {
  readonly dueMs: number;
  readonly bytes: Uint8Array;
}

/** A tick whose reply is awaited. */
interface Awaited {
  readonly tick: Tick;
  /** When its first packet is due: fixed when the tick is announced, so that an underrun can be told. */
  readonly dueMs: number;
  /** Packets whose time passed while the reply was missing. */
  missedCount: number;
}

/**
 * Cuts replies into packets of 20 ms and hands each over at its time: the time of the reply's tick, plus an offset that
 * covers the peer's usual step, plus its place in the frame. A reply that comes late loses the packets whose time is
 * more than a packet ago, so the peer's voice is never late for longer than the stall that delayed it.
 */
export class ReplyPacer {
  readonly #options: ReplyPacerOptions;
  readonly #offset = new PacingOffset();
  readonly #awaited: Awaited[] = [];
  readonly #paced: Paced[] = [];
  #sequence: SequenceNumber;
  #firstTick: number | undefined;
  #isMarked = true;
  packetCount = 0;
  latePacketCount = 0;
  underrunCount = 0;
  droppedPacketCount = 0;
  strayReplyCount = 0;

  constructor(options: ReplyPacerOptions) {
    this.#options = options;
    this.#sequence = new SequenceNumber(options.firstSequence);
  }

  get offsetMs(): number {
    return this.#offset.offsetMs;
  }

  /** Says that a reply to this tick is to come. */
  expectReply(tick: Tick): void {
    this.#firstTick ??= tick.index;
    this.#awaited.push({ tick, dueMs: tick.atMs + this.#offset.offsetMs, missedCount: 0 });
    while (this.#awaited.length > TICKS_WAITED_FOR_MAX) this.#awaited.shift();
  }

  /** Forgets what is awaited: another peer answers from now on. */
  forget(): void {
    this.#awaited.length = 0;
  }

  /**
   * @param pcm 1920 mono samples of 24 kHz, the reply to that tick.
   * @throws {MediaError} `FRAME_INVALID`; nothing has changed then.
   */
  pushReply(tickIndex: number, pcm: Float32Array, nowMs: number): void {
    if (pcm.length !== FRAME_SAMPLES || !pcm.every(Number.isFinite)) {
      throw new MediaError('FRAME_INVALID', `a reply of ${pcm.length} samples, or one that is not finite`);
    }
    const place = this.#awaited.findIndex(({ tick }) => tick.index === tickIndex);
    if (place < 0) {
      this.strayReplyCount += 1;
      return;
    }
    const [awaited] = this.#awaited.splice(place, 1) as [Awaited];
    this.#offset.add(nowMs - awaited.tick.atMs);
    for (let i = 0; i < PACKETS_PER_FRAME; i++) {
      const dueMs = awaited.dueMs + i * PACKET_MS;
      // Coded even where it is dropped: the coder's own memory has to follow what the model said.
      const payload = this.#options.encoder.encode(pcm.subarray(i * PACKET_SAMPLES, (i + 1) * PACKET_SAMPLES));
      if (dueMs < nowMs - PACKET_MS) this.droppedPacketCount += 1;
      else this.#paced.push({ dueMs, bytes: this.#packet(tickIndex, i, payload) });
    }
  }

  /** @returns the next packet whose time has come; undefined where there is none yet. */
  pollPacket(nowMs: number): { readonly bytes: Uint8Array; readonly dueMs: number } | undefined {
    this.#countUnderruns(nowMs);
    const next = this.#paced[0];
    if (!next || next.dueMs > nowMs) return undefined;
    this.#paced.shift();
    this.packetCount += 1;
    if (nowMs - next.dueMs > LATE_MS) this.latePacketCount += 1;
    return next;
  }

  /** When there is something to do next. */
  get wakeAtMs(): number {
    return this.#paced[0]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  #packet(tickIndex: number, index: number, payload: Uint8Array): Uint8Array {
    const { ssrc, payloadType, firstTimestamp } = this.#options;
    const elapsedMs = ((tickIndex - this.#firstTick!) * PACKETS_PER_FRAME + index) * PACKET_MS;
    const timestamp = new RtpTimestamp(firstTimestamp, OPUS_CLOCK_RATE_HZ).plusMs(elapsedMs);
    const sequence = this.#sequence;
    this.#sequence = sequence.next();
    const isMarked = this.#isMarked;
    this.#isMarked = false;
    return writeRtpPacket({ payloadType, isMarked, sequence, timestamp, ssrc, payload });
  }

  #countUnderruns(nowMs: number): void {
    for (const awaited of this.#awaited) {
      // The 5 ms of a late packet are granted to a missing one too.
      const passed = Math.floor((nowMs - LATE_MS - awaited.dueMs) / PACKET_MS) + 1;
      const missed = Math.max(0, Math.min(PACKETS_PER_FRAME, passed));
      this.underrunCount += missed - awaited.missedCount;
      awaited.missedCount = missed;
    }
  }
}
