import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../audio.ts';
import { MediaError } from '../errors.ts';
import type { PacketDecoder } from './packet-decoder.ts';
import type { PacketQueue, WaitingPacket } from './packet-queue.ts';
import { scaleTime, TIME_SCALE_MARGIN_SAMPLES } from './time-scale.ts';

/** A frame, a packet of 120 ms, and what a correction looks ahead. */
const LINE_SAMPLES_MAX = 2 * FRAME_SAMPLES + 120 * SAMPLES_PER_MS;
/** Over which a jump is blended with the concealment of what it leaves. */
const BLEND_SAMPLES = 5 * SAMPLES_PER_MS;
/** A caller who has sent nothing for so long has paused. */
const PAUSE_SAMPLES = 1000 * SAMPLES_PER_MS;

export interface LineCounters {
  invalidPacketCount: number;
  /** Not there when their audio was due, and not restored. */
  lostPacketCount: number;
  fecRestoredPacketCount: number;
  concealedSamples: number;
  /** Filled in because the caller sent nothing, by discontinuous transmission or mute. */
  pausedSamples: number;
  insertedSamples: number;
  frameDeficitCount: number;
}

/**
 * The decoded end of a stream: turns waiting packets into one unbroken line of samples and fills what is missing, from
 * the copy in the next packet or by concealment.
 */
export class AudioLine {
  readonly counters: LineCounters = {
    invalidPacketCount: 0,
    lostPacketCount: 0,
    fecRestoredPacketCount: 0,
    concealedSamples: 0,
    pausedSamples: 0,
    insertedSamples: 0,
    frameDeficitCount: 0,
  };
  /** Arrival of the last packet decoded. */
  lastArrivalMs = 0;

  readonly #decoder: PacketDecoder;
  readonly #queue: PacketQueue;
  readonly #line = new Float32Array(LINE_SAMPLES_MAX);
  readonly #history = new Float32Array(TIME_SCALE_MARGIN_SAMPLES);
  #length = 0;
  #decodedEnd = 0;
  #lastIndex: number | undefined;
  #hasDecoded = false;
  #blendFrom: Float32Array | undefined;
  // Nobody can tell yet whether these were lost or never sent.
  #undecidedSamples = 0;
  #undecidedFrameCount = 0;

  constructor(decoder: PacketDecoder, queue: PacketQueue) {
    this.#decoder = decoder;
    this.#queue = queue;
  }

  /** Media time of the next sample to be taken, in samples. */
  get position(): number {
    return this.#decodedEnd - this.#length;
  }

  /** Media time up to which audio has been decoded or made up. */
  get decodedEnd(): number {
    return this.#decodedEnd;
  }

  /** Goes on at another position, blended over 5 ms. */
  jumpTo(position: number): void {
    if (this.#hasDecoded) this.#blendFrom = this.#decoder.conceal(BLEND_SAMPLES);
    this.#length = 0;
    this.#decodedEnd = position;
    this.#decideGap('lost');
  }

  /** Forgets the stream: another one follows, which the decoder has not heard. */
  restart(position: number): void {
    this.jumpTo(position);
    this.#decoder.reset();
    this.#lastIndex = undefined;
    this.#hasDecoded = false;
  }

  /**
   * Takes the next frame.
   *
   * @param correctionSamples how many samples more (positive) or fewer than a frame's worth of the stream go into it.
   * @param insertableSamples up to how much concealment may be put in without passing over the audio that it stands
   *   in for, where the next packet is not there.
   */
  takeFrame(correctionSamples: number, insertableSamples: number): Float32Array {
    const blockSamples = FRAME_SAMPLES + correctionSamples;
    const aheadSamples = correctionSamples === 0 ? 0 : TIME_SCALE_MARGIN_SAMPLES;
    this.#fill(blockSamples + aheadSamples, insertableSamples);
    const frame = correctionSamples === 0 ? this.#line.slice(0, FRAME_SAMPLES) : this.#scaled(blockSamples);
    this.#drop(blockSamples);
    this.#blend(frame);
    return frame;
  }

  #scaled(blockSamples: number): Float32Array {
    const source = new Float32Array(blockSamples + 2 * TIME_SCALE_MARGIN_SAMPLES);
    source.set(this.#history);
    source.set(this.#line.subarray(0, blockSamples + TIME_SCALE_MARGIN_SAMPLES), TIME_SCALE_MARGIN_SAMPLES);
    return scaleTime(source, FRAME_SAMPLES);
  }

  #drop(sampleCount: number): void {
    this.#history.set(this.#line.subarray(sampleCount - TIME_SCALE_MARGIN_SAMPLES, sampleCount));
    this.#line.copyWithin(0, sampleCount, this.#length);
    this.#length -= sampleCount;
  }

  #blend(frame: Float32Array): void {
    if (this.#blendFrom === undefined) return;
    for (let i = 0; i < BLEND_SAMPLES; i += 1) {
      const share = (i + 0.5) / BLEND_SAMPLES;
      frame[i] = frame[i]! * share + this.#blendFrom[i]! * (1 - share);
    }
    this.#blendFrom = undefined;
  }

  #fill(lengthWanted: number, insertableSamples: number): void {
    let hasAudio = this.#length >= this.#decoder.stepSamples;
    while (this.#length < lengthWanted) {
      const missing = lengthWanted - this.#length;
      const packet = this.#queue.first;
      if (packet === undefined) {
        this.#fillUnderrun(missing, insertableSamples);
        if (!hasAudio && this.#hasDecoded) this.#undecidedFrameCount += 1;
        return;
      }
      if (packet.end <= this.#decodedEnd) {
        this.#queue.shift();
        continue;
      }
      if (packet.start > this.#decodedEnd) this.#fillGap(packet, missing);
      else this.#decode(packet);
      hasAudio = true;
    }
  }

  /** Fills towards a packet that is there, at most `missing` samples at once. */
  #fillGap(next: WaitingPacket, missing: number): void {
    const gap = next.start - this.#decodedEnd;
    const isLoss = this.#lastIndex !== undefined && next.index > this.#lastIndex + 1;
    const step = this.#decoder.stepSamples;
    const restorable = isLoss && next.hasFec ? roundDown(Math.min(gap, next.end - next.start), step) : 0;
    const concealed = Math.min(missing, gap - restorable);
    if (concealed > 0) {
      this.#append(this.#conceal(concealed));
      if (isLoss) this.counters.concealedSamples += concealed;
      else this.counters.pausedSamples += concealed;
      return;
    }
    this.#append(this.#tryDecode(restorable, () => this.#decoder.decodeFec(next.payload, restorable)));
    this.counters.fecRestoredPacketCount += 1;
    // The restored packet is no longer missing when the gap is counted.
    this.#lastIndex! += 1;
  }

  #fillUnderrun(missing: number, insertableSamples: number): void {
    this.#append(this.#conceal(missing));
    if (!this.#hasDecoded) return;
    this.#undecidedSamples += missing;
    const inserted = Math.min(missing, insertableSamples);
    this.#decodedEnd -= inserted;
    this.counters.insertedSamples += inserted;
    if (this.#undecidedSamples > PAUSE_SAMPLES) this.#decideGap('paused');
  }

  #decode(packet: WaitingPacket): void {
    this.#queue.shift();
    const isContinued = this.#lastIndex !== undefined && packet.index === this.#lastIndex + 1;
    this.#decideGap(isContinued && packet.start === this.#decodedEnd ? 'paused' : 'lost');
    if (this.#lastIndex !== undefined) this.counters.lostPacketCount += Math.max(0, packet.index - this.#lastIndex - 1);
    this.#lastIndex = packet.index;
    const pcm = this.#tryDecode(packet.end - packet.start, () => this.#decoder.decode(packet.payload));
    // Where its beginning came too late and was concealed, the rest is still of use.
    this.#append(pcm.subarray(this.#decodedEnd - packet.start));
    this.#hasDecoded = true;
    this.lastArrivalMs = packet.arrivalMs;
  }

  #tryDecode(sampleCount: number, decode: () => Float32Array): Float32Array {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      this.counters.invalidPacketCount += 1;
      this.counters.concealedSamples += sampleCount;
      return this.#conceal(sampleCount);
    }
  }

  #conceal(sampleCount: number): Float32Array {
    const filled = new Float32Array(sampleCount);
    if (!this.#hasDecoded) return filled;
    const step = this.#decoder.stepSamples;
    for (let at = 0; at < sampleCount; ) {
      // Packets' worth at a time: longer requests fade differently.
      const part = Math.min(20 * SAMPLES_PER_MS, Math.ceil((sampleCount - at) / step) * step);
      const pcm = this.#decoder.conceal(part);
      filled.set(pcm.subarray(0, sampleCount - at), at);
      at += part;
    }
    return filled;
  }

  #append(pcm: Float32Array): void {
    this.#line.set(pcm, this.#length);
    this.#length += pcm.length;
    this.#decodedEnd += pcm.length;
  }

  #decideGap(verdict: 'lost' | 'paused'): void {
    if (verdict === 'lost') {
      this.counters.concealedSamples += this.#undecidedSamples;
      this.counters.frameDeficitCount += this.#undecidedFrameCount;
    } else {
      this.counters.pausedSamples += this.#undecidedSamples;
    }
    this.#undecidedSamples = 0;
    this.#undecidedFrameCount = 0;
  }
}

function roundDown(value: number, step: number): number {
  return Math.floor(value / step) * step;
}
