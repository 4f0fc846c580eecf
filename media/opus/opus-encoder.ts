import { SAMPLE_RATE_HZ } from '../audio.ts';
import { MediaError } from '../errors.ts';
import { loadOpus, type OpusLibrary, type OpusState } from './opus-library.ts';

export interface OpusEncoderOptions {
  readonly libraryPath?: string;
  /**
   * Target of the variable bit rate, 6,000 to 128,000. Default 28,000: speech then takes 24 kbit/s, and all 12 kHz of
   * it are coded; asked for 24,000 it takes 19, and what is above 8 kHz is lost to the copies for error correction.
   */
  readonly bitrateBps?: number;
  /** 0 to 10. Default 5: 0.13 ms a packet on one slow core, and above it speech at this rate hardly improves. */
  readonly complexity?: number;
  /** How much loss the encoder prepares for with its low-bitrate copies. Default 10. */
  readonly expectedLossPercent?: number;
}

// opus_defines.h of libopus.
// Not VOIP: that one takes rumble out of a microphone's sound. A model's has none, and what the filter does to the
// voice itself costs 2.5 dB of signal to noise.
const APPLICATION_AUDIO = 2049;
const SET_BITRATE = 4002;
const SET_COMPLEXITY = 4010;
const SET_INBAND_FEC = 4012;
const SET_PACKET_LOSS_PERCENT = 4014;
const SET_DTX = 4016;
const SET_SIGNAL = 4024;
const GET_LOOKAHEAD = 4027;
const SIGNAL_VOICE = 3001;

/** Largest packet of one Opus frame, RFC 6716 §3.2.1. */
const PACKET_BYTES_MAX = 1275;
const LEGAL_SAMPLE_COUNTS = [60, 120, 240, 480, 960, 1440];

/** Encodes 24 kHz mono with in-band FEC and without DTX. Holds native memory until `close()`. */
export class OpusEncoder implements Disposable {
  /** Samples by which the decoded audio lags the encoder's input. */
  readonly lookaheadSamples: number;
  readonly #library: OpusLibrary;
  readonly #scratch = new Uint8Array(PACKET_BYTES_MAX);
  #state: OpusState | undefined;

  /** @throws {MediaError} `OPUS_LIBRARY_UNAVAILABLE`, `OPUS_CODEC_FAILED` for an option out of range */
  constructor(options: OpusEncoderOptions = {}) {
    this.#library = loadOpus(options.libraryPath);
    const error: [number] = [0];
    const state = this.#library.encoderCreate(SAMPLE_RATE_HZ, 1, APPLICATION_AUDIO, error);
    if (state === null) {
      throw new MediaError('OPUS_CODEC_FAILED', `opus_encoder_create: ${this.#library.errorText(error[0])}`);
    }
    this.#state = state;
    try {
      this.#set(SET_BITRATE, options.bitrateBps ?? 28_000);
      this.#set(SET_COMPLEXITY, options.complexity ?? 5);
      this.#set(SET_INBAND_FEC, 1);
      this.#set(SET_PACKET_LOSS_PERCENT, options.expectedLossPercent ?? 10);
      this.#set(SET_DTX, 0);
      this.#set(SET_SIGNAL, SIGNAL_VOICE);
      const lookahead = new Int32Array(1);
      this.#library.encoderGet(state, GET_LOOKAHEAD, 'int32_t *', lookahead);
      this.lookaheadSamples = lookahead[0]!;
    } catch (cause) {
      this.close();
      throw cause;
    }
  }

  /**
   * @param pcm mono at 24 kHz, 2.5, 5, 10, 20, 40 or 60 ms; read during the call only. Samples beyond [-1, 1] clip,
   *   samples that are not finite are an error and leave the encoder as it was.
   * @returns a packet that belongs to the receiver.
   * @throws {MediaError} `FRAME_INVALID`, `OPUS_CODEC_FAILED`, `OPUS_CODEC_CLOSED`
   */
  encode(pcm: Float32Array): Uint8Array {
    if (this.#state === undefined) throw new MediaError('OPUS_CODEC_CLOSED', 'encode after close');
    if (!LEGAL_SAMPLE_COUNTS.includes(pcm.length)) {
      throw new MediaError('FRAME_INVALID', `${pcm.length} samples are no Opus frame`);
    }
    // A single NaN would stay in the encoder's filters and silence the rest of the call.
    if (!pcm.every(Number.isFinite)) throw new MediaError('FRAME_INVALID', 'a sample is not finite');
    const bytes = this.#library.encodeFloat(this.#state, pcm, pcm.length, this.#scratch, this.#scratch.length);
    if (bytes <= 0) throw new MediaError('OPUS_CODEC_FAILED', `opus_encode_float: ${this.#library.errorText(bytes)}`);
    return this.#scratch.slice(0, bytes);
  }

  /** Frees the native state. Idempotent. */
  close(): void {
    if (this.#state === undefined) return;
    this.#library.encoderDestroy(this.#state);
    this.#state = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #set(request: number, value: number): void {
    const result = this.#library.encoderSet(this.#state!, request, 'int32_t', value);
    if (result !== 0) {
      throw new MediaError(
        'OPUS_CODEC_FAILED',
        `opus_encoder_ctl ${request} = ${value}: ${this.#library.errorText(result)}`,
      );
    }
  }
}
