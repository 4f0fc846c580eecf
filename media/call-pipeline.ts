import { levelDbfs, SAMPLES_PER_MS, SILENCE_DBFS } from './audio.ts';
import type { CallStats, HopLatency } from './call-stats.ts';
import { MediaError } from './errors.ts';
import { FrameClock } from './frames/frame-clock.ts';
import type { FramePeer } from './frames/frame-peer.ts';
import { ReplyPacer, type ReplyPacerOptions } from './frames/reply-pacer.ts';
import { JitterBuffer } from './jitter/jitter-buffer.ts';
import type { PacketDecoder } from './jitter/packet-decoder.ts';
import { readRtpPacket } from './rtp/rtp-packet.ts';
import { RunningMean } from './running-mean.ts';

// RFC 7587 §4.1: the RTP clock of Opus is 48 kHz, whatever rate is coded.
const OPUS_CLOCK_RATE_HZ = 48_000;
/** Timers wake a fraction of a millisecond early or late: what is due that soon is done now. */
const DUE_SLACK_MS = 0.3;

export interface CallPipelineOptions extends ReplyPacerOptions {
  readonly decoder: PacketDecoder;
}

/** What the pipeline asks of its owner. */
export type PipelineOutput =
  /** Send this RTP packet to the caller now. */
  | { readonly kind: 'packet'; readonly bytes: Uint8Array }
  /** Hand this frame to the peer now. */
  | { readonly kind: 'frame'; readonly peer: FramePeer; readonly tickIndex: number; readonly pcm: Float32Array }
  /** Nothing to do before then; infinity where only input can bring something. */
  | { readonly kind: 'idle'; readonly wakeAtMs: number };

/**
 * One call's audio both ways, as a pure machine: feed it packets and replies with the time of day, then drain
 * `pollOutput` until it is idle. All times are monotonic milliseconds.
 */
export class CallPipeline {
  readonly #jitter: JitterBuffer;
  readonly #pacer: ReplyPacer;
  readonly #buffer = new RunningMean();
  readonly #tickWait = new RunningMean();
  readonly #reply = new RunningMean();
  readonly #pacing = new RunningMean();
  readonly #sendLate = new RunningMean();
  #peer: FramePeer | undefined;
  #clock: FrameClock | undefined;
  #skippedFrameCount = 0;
  #invalidPacketCount = 0;
  #frameCount = 0;
  #inputDbfs = SILENCE_DBFS;
  #outputDbfs = SILENCE_DBFS;

  constructor(options: CallPipelineOptions) {
    this.#jitter = new JitterBuffer(options.decoder);
    this.#pacer = new ReplyPacer(options);
  }

  /** Who answers from now on; undefined: nobody, and the caller hears nothing. */
  setPeer(peer: FramePeer | undefined, nowMs: number): void {
    this.#peer = peer;
    this.#clock = peer && new FrameClock(peer, nowMs);
    this.#pacer.forget();
    this.#jitter.realign();
  }

  /** @returns false for what is no RTP or no Opus: it is counted, and changes nothing. */
  handlePacket(bytes: Uint8Array, nowMs: number): boolean {
    try {
      this.#jitter.pushPacket(readRtpPacket(bytes, OPUS_CLOCK_RATE_HZ), nowMs);
      return true;
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      this.#invalidPacketCount += 1;
      return false;
    }
  }

  /** @throws {MediaError} `FRAME_INVALID` */
  handleReply(tickIndex: number, pcm: Float32Array, nowMs: number): void {
    const replyMs = this.#pacer.pushReply(tickIndex, pcm, nowMs);
    if (replyMs === undefined) return;
    this.#outputDbfs = levelDbfs(pcm);
    this.#reply.add(replyMs);
    this.#pacing.add(Math.max(0, this.#pacer.offsetMs - replyMs));
  }

  pollOutput(nowMs: number): PipelineOutput {
    const dueMs = nowMs + DUE_SLACK_MS;
    const packet = this.#pacer.pollPacket(dueMs);
    if (packet) {
      this.#sendLate.add(Math.max(0, nowMs - packet.dueMs));
      return { kind: 'packet', bytes: packet.bytes };
    }
    const frame = this.#takeFrame(dueMs);
    if (frame) return frame;
    const frameDueMs = this.#clock?.dueMs ?? Number.POSITIVE_INFINITY;
    return { kind: 'idle', wakeAtMs: Math.min(frameDueMs, this.#pacer.wakeAtMs) };
  }

  stats(): CallStats {
    const { concealedSamples, pausedSamples, insertedSamples, removedSamples, ...counters } = this.#jitter.counters;
    return {
      input: {
        ...counters,
        levelDbfs: this.#inputDbfs,
        invalidPacketCount: this.#invalidPacketCount + counters.invalidPacketCount,
        frameCount: this.#frameCount,
        frameDeficitCount: this.#skippedFrameCount + counters.frameDeficitCount,
        concealedMs: concealedSamples / SAMPLES_PER_MS,
        pausedMs: pausedSamples / SAMPLES_PER_MS,
        removedMs: removedSamples / SAMPLES_PER_MS,
        insertedMs: insertedSamples / SAMPLES_PER_MS,
      },
      output: { ...this.#pacer.counters, levelDbfs: this.#outputDbfs },
      latency: this.#latency(),
    };
  }

  #latency(): HopLatency | undefined {
    const [bufferMs, tickWaitMs, replyMs] = [this.#buffer.value, this.#tickWait.value, this.#reply.value];
    const [pacingMs, sendLateMs] = [this.#pacing.value, this.#sendLate.value];
    if (bufferMs === undefined || tickWaitMs === undefined || replyMs === undefined) return undefined;
    if (pacingMs === undefined || sendLateMs === undefined) return undefined;
    return { bufferMs, tickWaitMs, replyMs, pacingMs, sendLateMs };
  }

  #takeFrame(nowMs: number): PipelineOutput | undefined {
    const due = this.#clock?.take(nowMs);
    if (!this.#peer || !due) return undefined;
    const { tick, dueMs, skippedCount, isMoved } = due;
    if (skippedCount > 0) this.#jitter.skipFrames(skippedCount);
    if (isMoved) this.#jitter.realign();
    const pcm = this.#jitter.takeFrame(dueMs);
    this.#skippedFrameCount += skippedCount;
    this.#frameCount += 1;
    this.#inputDbfs = levelDbfs(pcm);
    if (this.#jitter.lastArrivalMs > 0) this.#buffer.add(Math.max(0, dueMs - this.#jitter.lastArrivalMs));
    this.#tickWait.add(tick.atMs - dueMs);
    this.#pacer.expectReply(due);
    return { kind: 'frame', peer: this.#peer, tickIndex: tick.index, pcm };
  }
}
