import { MediaError } from '../errors.ts';
import type { PacketDecoder, PacketInfo } from '../jitter/packet-decoder.ts';

/** A codec without loss of its own, so that a test sees what the jitter buffer does and nothing else. */
export class PcmDecoder implements PacketDecoder {
  readonly stepSamples = 60;

  static encode(pcm: Float32Array): Uint8Array {
    return new Uint8Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.byteLength));
  }

  inspect(payload: Uint8Array): PacketInfo {
    if (payload.length === 0 || payload.length % 240 !== 0) {
      throw new MediaError('OPUS_PACKET_INVALID', `${payload.length} bytes`);
    }
    return { sampleCount: payload.length / 4, hasFec: false };
  }

  decode(payload: Uint8Array): Float32Array {
    return new Float32Array(payload.slice().buffer);
  }

  decodeFec(_nextPayload: Uint8Array, sampleCount: number): Float32Array {
    return this.conceal(sampleCount);
  }

  /** Silence, which a test finds again. */
  conceal(sampleCount: number): Float32Array {
    return new Float32Array(sampleCount);
  }

  reset(): void {}
}
