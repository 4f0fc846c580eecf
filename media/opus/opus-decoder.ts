import { SAMPLE_RATE_HZ, SAMPLES_PER_MS } from '../audio.ts';
import { MediaError } from '../errors.ts';
import type { PacketDecoder, PacketInfo } from '../jitter/packet-decoder.ts';
import { loadOpus, type OpusLibrary, type OpusState } from './opus-library.ts';
import { OPUS_PACKET_MS_MAX, readOpusPacket } from './opus-packet.ts';

const SAMPLES_MAX = OPUS_PACKET_MS_MAX * SAMPLES_PER_MS;
/** libopus conceals and restores in steps of 2.5 ms. */
const STEP_SAMPLES = 2.5 * SAMPLES_PER_MS;
const RESET_STATE = 4028;

/**
 * Decodes Opus of any mode, bandwidth, duration and channel count to 24 kHz mono. Holds native memory until `close()`.
 * A packet that cannot be decoded leaves the decoder usable.
 */
export class OpusDecoder implements PacketDecoder, Disposable {
  readonly stepSamples = STEP_SAMPLES;
  readonly #library: OpusLibrary;
  readonly #scratch = new Float32Array(SAMPLES_MAX);
  #state: OpusState | undefined;

  /** @throws {MediaError} `OPUS_LIBRARY_UNAVAILABLE`, `OPUS_CODEC_FAILED` */
  constructor(libraryPath?: string) {
    this.#library = loadOpus(libraryPath);
    const error: [number] = [0];
    // With one output channel libopus mixes stereo down by itself.
    const state = this.#library.decoderCreate(SAMPLE_RATE_HZ, 1, error);
    if (state === null) {
      throw new MediaError('OPUS_CODEC_FAILED', `opus_decoder_create: ${this.#library.errorText(error[0])}`);
    }
    this.#state = state;
  }

  /** @throws {MediaError} `OPUS_PACKET_INVALID` */
  inspect(packet: Uint8Array): PacketInfo {
    const { packetMs, hasFec } = readOpusPacket(packet);
    return { sampleCount: packetMs * SAMPLES_PER_MS, hasFec };
  }

  /**
   * @returns as many samples as the packet says, 60 to 2880; they belong to the receiver.
   * @throws {MediaError} `OPUS_PACKET_INVALID`, `OPUS_CODEC_CLOSED`
   */
  decode(packet: Uint8Array): Float32Array {
    const { packetMs } = readOpusPacket(packet);
    return this.#decode(packet, packetMs * SAMPLES_PER_MS, 0);
  }

  /**
   * Restores what came right before `nextPacket` from the copy in it; where it holds none, that is concealed.
   *
   * @param sampleCount how much is missing, a multiple of 60 up to 2880.
   * @throws {MediaError} `OPUS_PACKET_INVALID`, `OPUS_CODEC_CLOSED`
   */
  decodeFec(nextPacket: Uint8Array, sampleCount: number): Float32Array {
    readOpusPacket(nextPacket);
    return this.#decode(nextPacket, sampleCount, 1);
  }

  /**
   * Invents what is missing from what came before it, fading out when it goes on.
   *
   * @param sampleCount a multiple of 60 up to 2880.
   * @throws {MediaError} `OPUS_CODEC_CLOSED`
   */
  conceal(sampleCount: number): Float32Array {
    return this.#decode(null, sampleCount, 0);
  }

  /** Forgets the stream so far: what follows is another sender's. */
  reset(): void {
    if (this.#state === undefined) throw new MediaError('OPUS_CODEC_CLOSED', 'reset after close');
    this.#library.decoderReset(this.#state, RESET_STATE);
  }

  /** Frees the native state. Idempotent. */
  close(): void {
    if (this.#state === undefined) return;
    this.#library.decoderDestroy(this.#state);
    this.#state = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #decode(packet: Uint8Array | null, sampleCount: number, fec: 0 | 1): Float32Array {
    if (this.#state === undefined) throw new MediaError('OPUS_CODEC_CLOSED', 'decode after close');
    if (sampleCount <= 0 || sampleCount > SAMPLES_MAX || sampleCount % STEP_SAMPLES !== 0) {
      throw new RangeError(`${sampleCount} samples are no multiple of ${STEP_SAMPLES} up to ${SAMPLES_MAX}`);
    }
    const bytes = packet?.length ?? 0;
    const decoded = this.#library.decodeFloat(this.#state, packet, bytes, this.#scratch, sampleCount, fec);
    if (decoded !== sampleCount) {
      const reason = decoded < 0 ? this.#library.errorText(decoded) : `${decoded} samples instead of ${sampleCount}`;
      throw new MediaError('OPUS_PACKET_INVALID', `${bytes} bytes: ${reason}`);
    }
    return this.#scratch.slice(0, decoded);
  }
}
