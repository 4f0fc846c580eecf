import { SAMPLES_PER_MS } from '../audio.ts';
import type { RtpPacket } from '../rtp/rtp-packet.ts';
import type { RtpTimestamp, SequenceNumber } from '../rtp/wrapping.ts';

/** Where a packet belongs in its stream, in numbers that do not wrap. */
export interface StreamPlace {
  readonly index: number;
  /** Media time of the first sample, in samples at 24 kHz. */
  readonly start: number;
}

/** Continues one stream's sequence numbers and timestamps past their wraps. */
export class StreamClock {
  #sequence: SequenceNumber | undefined;
  #timestamp: RtpTimestamp | undefined;
  #index = 0;
  #mediaMs = 0;

  /** Places a packet near the last followed one; the first packet of all is place 0. */
  place(packet: RtpPacket): StreamPlace {
    if (this.#sequence === undefined || this.#timestamp === undefined) return { index: 0, start: 0 };
    const mediaMs = this.#mediaMs + packet.timestamp.msSince(this.#timestamp);
    return {
      index: this.#index + packet.sequence.since(this.#sequence),
      start: Math.round(mediaMs * SAMPLES_PER_MS),
    };
  }

  /** Makes `packet` the one that later packets are placed by. */
  follow(packet: RtpPacket): void {
    if (this.#sequence !== undefined && this.#timestamp !== undefined) {
      this.#index += packet.sequence.since(this.#sequence);
      this.#mediaMs += packet.timestamp.msSince(this.#timestamp);
    }
    this.#sequence = packet.sequence;
    this.#timestamp = packet.timestamp;
  }

  clear(): void {
    this.#sequence = undefined;
    this.#timestamp = undefined;
    this.#index = 0;
    this.#mediaMs = 0;
  }
}
