import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../audio.ts';
import type { RtpPacket } from '../rtp/rtp-packet.ts';
import { AudioLine, type LineCounters } from './audio-line.ts';
import { DelayEstimator } from './delay-estimator.ts';
import type { PacketDecoder } from './packet-decoder.ts';
import { PacketQueue } from './packet-queue.ts';
import { StreamClock } from './stream-clock.ts';
import { TIME_SCALE_MARGIN_SAMPLES } from './time-scale.ts';

/** A packet so far from the usual delay belongs to an outage or to another time line. */
const STRAY_MS = 150;
/** So many stray packets in a row that agree with each other are the new time line. */
const STRAY_PACKETS = 3;
const STRAY_AGREEMENT_MS = 40;
/** A burst after an outage arrives at once; a time line takes time. */
const STRAY_SPAN_MS = 30;
/** Audio more than this beyond what is needed is passed over at once instead of being played faster. */
const JUMP_SAMPLES = 120 * SAMPLES_PER_MS;
/** 0.5 % of a frame: a pitch off by 9 cents, below what is noticed in speech. Takes 4 s for a packet. */
const CORRECTION_SAMPLES = 10;
/** 2 %, for more than FAST_SAMPLES: a network that has changed, not a clock that drifts. */
const FAST_CORRECTION_SAMPLES = 40;
const FAST_SAMPLES = 40 * SAMPLES_PER_MS;
/** Playing faster begins where it gains at least this much, with the hysteresis to spare. */
const SHRINK_START_SAMPLES = 1.5 * SAMPLES_PER_MS;
const HYSTERESIS_MS = 1;

export interface JitterCounters extends Readonly<LineCounters> {
  readonly packetCount: number;
  readonly duplicatePacketCount: number;
  readonly reorderedPacketCount: number;
  readonly tooLatePacketCount: number;
  readonly removedSamples: number;
  readonly correctedFrameCount: number;
  readonly resyncCount: number;
}

/**
 * Turns one caller's packets, as late, lost and doubled as they come, into frames that are due at ticks.
 *
 * A frame ends at the end of the last packet that the network delivers in time for its tick; which one that is follows
 * from the measured delays (DelayEstimator). When the answer changes, because clocks drift or the network does, the
 * position moves there slowly by playing 0.5 % faster or slower. A missing packet is restored from the next one or
 * concealed; the position passes over it, unless more delay is wanted anyway: then the concealment is an insertion.
 * Time goes on while nothing comes, so lag never accumulates.
 */
export class JitterBuffer {
  readonly #decoder: PacketDecoder;
  readonly #clock = new StreamClock();
  readonly #queue = new PacketQueue();
  readonly #delays = new DelayEstimator();
  readonly #line: AudioLine;
  #ssrc: number | undefined;
  #isPlaced = false;
  #isShrinking = false;
  #strays: { delayMs: number; arrivalMs: number }[] = [];
  #packetCount = 0;
  #duplicatePacketCount = 0;
  #reorderedPacketCount = 0;
  #tooLatePacketCount = 0;
  #removedSamples = 0;
  #slowedSamples = 0;
  #correctedFrameCount = 0;
  #resyncCount = 0;

  constructor(decoder: PacketDecoder) {
    this.#decoder = decoder;
    this.#line = new AudioLine(decoder, this.#queue);
  }

  get counters(): JitterCounters {
    const { insertedSamples, ...line } = this.#line.counters;
    return {
      ...line,
      insertedSamples: insertedSamples + this.#slowedSamples,
      packetCount: this.#packetCount,
      duplicatePacketCount: this.#duplicatePacketCount,
      reorderedPacketCount: this.#reorderedPacketCount,
      tooLatePacketCount: this.#tooLatePacketCount,
      removedSamples: this.#removedSamples,
      correctedFrameCount: this.#correctedFrameCount,
      resyncCount: this.#resyncCount,
    };
  }

  /** Media time of the next frame's first sample, in samples at 24 kHz from the stream's first packet. */
  get position(): number {
    return this.#line.position;
  }

  /** Arrival of the last packet that went into the last frame. */
  get lastArrivalMs(): number {
    return this.#line.lastArrivalMs;
  }

  /** @throws {MediaError} for a payload that the codec refuses; nothing has changed then. */
  pushPacket(packet: RtpPacket, nowMs: number): void {
    const { sampleCount, hasFec } = this.#decoder.inspect(packet.payload);
    this.#packetCount += 1;
    if (packet.ssrc !== this.#ssrc) {
      this.#ssrc = packet.ssrc;
      this.#restart();
    }
    let { index, start } = this.#clock.place(packet);
    if (this.#isStray(start + sampleCount, nowMs)) {
      this.#tooLatePacketCount += 1;
      if (!this.#isNewTimeLine()) return;
      this.#restart();
      ({ index, start } = this.#clock.place(packet));
    }
    if (this.#queue.hasSeen(index)) {
      this.#duplicatePacketCount += 1;
      return;
    }
    this.#strays = [];
    this.#clock.follow(packet);
    const end = start + sampleCount;
    this.#delays.add(end, sampleCount, nowMs);
    if (this.#isPlaced && end <= this.#line.decodedEnd) {
      this.#tooLatePacketCount += 1;
      return;
    }
    const isReordered = this.#queue.push({
      index,
      start,
      end,
      hasFec,
      payload: packet.payload.slice(),
      arrivalMs: nowMs,
    });
    if (isReordered) this.#reorderedPacketCount += 1;
  }

  /**
   * Takes the 80 ms that are due.
   *
   * @param dueMs when the frame is handed over: what has arrived by then can be in it. The nominal time, not that of a
   *   late timer.
   * @returns 1920 samples that belong to the receiver; silence before the first packet.
   */
  takeFrame(dueMs: number): Float32Array {
    if (this.#delays.packetCount === 0) return new Float32Array(FRAME_SAMPLES);
    const reliableEnd = this.#delays.reliableEnd(dueMs);
    if (!this.#isPlaced || reliableEnd - FRAME_SAMPLES - this.#line.position > JUMP_SAMPLES) {
      this.#line.jumpTo(reliableEnd - FRAME_SAMPLES);
      this.#isPlaced = true;
      this.#resyncCount += 1;
    }
    const surplus = reliableEnd - FRAME_SAMPLES - this.#line.position;
    const correction = this.#correction(surplus, dueMs);
    if (correction !== 0) {
      this.#correctedFrameCount += 1;
      this.#removedSamples += Math.max(0, correction);
      this.#slowedSamples += Math.max(0, -correction);
    }
    return this.#line.takeFrame(correction, Math.max(0, -surplus + Math.min(0, correction)));
  }

  /** Passes over frames that nobody took in time. */
  skipFrames(frameCount: number): void {
    if (this.#isPlaced) this.#line.jumpTo(this.#line.position + frameCount * FRAME_SAMPLES);
  }

  /** Chooses the position anew at the next frame, for the ticks have moved. */
  realign(): void {
    this.#isPlaced = false;
  }

  #correction(surplus: number, dueMs: number): number {
    const hysteresisMs = HYSTERESIS_MS + this.#delays.spreadMs / 16;
    const certain = this.#delays.reliableEnd(dueMs - hysteresisMs) - FRAME_SAMPLES - this.#line.position;
    const size = Math.abs(surplus) > FAST_SAMPLES ? FAST_CORRECTION_SAMPLES : CORRECTION_SAMPLES;
    if (certain >= SHRINK_START_SAMPLES) this.#isShrinking = true;
    if (surplus < size + TIME_SCALE_MARGIN_SAMPLES) this.#isShrinking = false;
    if (this.#isShrinking) return size;
    return surplus <= -size ? -size : 0;
  }

  #isStray(endSample: number, nowMs: number): boolean {
    if (this.#delays.packetCount === 0) return false;
    const delayMs = nowMs - endSample / SAMPLES_PER_MS;
    if (Math.abs(delayMs - this.#delays.medianMs) <= STRAY_MS) return false;
    const isAgreed = this.#strays.every((stray) => Math.abs(stray.delayMs - delayMs) <= STRAY_AGREEMENT_MS);
    if (!isAgreed) this.#strays = [];
    this.#strays.push({ delayMs, arrivalMs: nowMs });
    return true;
  }

  #isNewTimeLine(): boolean {
    const spanMs = this.#strays.at(-1)!.arrivalMs - this.#strays[0]!.arrivalMs;
    return this.#strays.length >= STRAY_PACKETS && spanMs >= STRAY_SPAN_MS;
  }

  #restart(): void {
    this.#clock.clear();
    this.#queue.clear();
    this.#delays.clear();
    this.#line.restart(0);
    this.#isPlaced = false;
    this.#strays = [];
  }
}
