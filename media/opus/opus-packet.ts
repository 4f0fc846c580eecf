import { MediaError } from '../errors.ts';

/** What the first bytes of an Opus packet say, RFC 6716 §3.1 and §3.2. */
export interface OpusPacketInfo {
  /** Opus frames in the packet, 1 to 48. */
  readonly frameCount: number;
  /** Duration of one Opus frame: 2.5, 5, 10, 20, 40 or 60. */
  readonly frameMs: number;
  /** Duration of the whole packet, at most 120. */
  readonly packetMs: number;
  readonly channelCount: 1 | 2;
  /** True where the packet also carries a low-bitrate copy of the frame before it (LBRR). */
  readonly hasFec: boolean;
}

/** Longest packet that RFC 6716 §3.2.5 allows. */
export const OPUS_PACKET_MS_MAX = 120;

const SILK_FRAME_MS = [10, 20, 40, 60] as const;
const HYBRID_FRAME_MS = [10, 20] as const;
const CELT_FRAME_MS = [2.5, 5, 10, 20] as const;

/**
 * Reads the header of an Opus packet; the coded audio is not looked at.
 *
 * @throws {MediaError} `OPUS_PACKET_INVALID`
 */
export function readOpusPacket(packet: Uint8Array): OpusPacketInfo {
  const toc = packet[0];
  if (toc === undefined) throw new MediaError('OPUS_PACKET_INVALID', 'the packet is empty');
  const config = toc >> 3;
  const channelCount = (toc & 0b100) === 0 ? 1 : 2;
  const frameMs = frameMsOf(config);
  const frameCount = frameCountOf(packet, toc);
  const packetMs = frameMs * frameCount;
  if (packetMs > OPUS_PACKET_MS_MAX) {
    throw new MediaError('OPUS_PACKET_INVALID', `${frameCount} frames of ${frameMs} ms are more than 120 ms`);
  }
  const hasSilk = config < 16;
  const hasFec = hasSilk && hasLowBitrateCopy(packet, toc, frameMs, channelCount);
  return { frameCount, frameMs, packetMs, channelCount, hasFec };
}

function frameMsOf(config: number): number {
  if (config < 12) return SILK_FRAME_MS[config & 0b11]!;
  if (config < 16) return HYBRID_FRAME_MS[config & 0b1]!;
  return CELT_FRAME_MS[config & 0b11]!;
}

function frameCountOf(packet: Uint8Array, toc: number): number {
  switch (toc & 0b11) {
    case 0:
      return 1;
    case 1:
    case 2:
      return 2;
    default: {
      const frameCount = (packet[1] ?? 0) & 0b11_1111;
      if (frameCount === 0) throw new MediaError('OPUS_PACKET_INVALID', 'a code 3 packet says that it has no frames');
      return frameCount;
    }
  }
}

// RFC 6716 §4.2.3 and §4.2.4: a SILK frame begins with one VAD bit per 20 ms and one LBRR bit, for each channel. Their
// probability is one half, so the range coder leaves them readable in the first byte.
function hasLowBitrateCopy(packet: Uint8Array, toc: number, frameMs: number, channelCount: number): boolean {
  const first = packet[firstFrameOffset(packet, toc)];
  if (first === undefined) return false;
  const vadBits = Math.max(1, frameMs / 20);
  const isInMid = (first & (0x80 >> vadBits)) !== 0;
  const isInSide = channelCount === 2 && (first & (0x80 >> (2 * vadBits + 1))) !== 0;
  return isInMid || isInSide;
}

function firstFrameOffset(packet: Uint8Array, toc: number): number {
  const lengthBytes = (at: number) => ((packet[at] ?? 0) < 252 ? 1 : 2);
  switch (toc & 0b11) {
    case 0:
    case 1:
      return 1;
    case 2:
      return 1 + lengthBytes(1);
    default: {
      const header = packet[1] ?? 0;
      let offset = 2;
      if ((header & 0x40) !== 0) {
        // Each padding length byte of 255 says that another one follows.
        while (packet[offset] === 255) offset += 1;
        offset += 1;
      }
      if ((header & 0x80) === 0) return offset;
      const frameCount = header & 0b11_1111;
      for (let frame = 0; frame < frameCount - 1; frame += 1) offset += lengthBytes(offset);
      return offset;
    }
  }
}
