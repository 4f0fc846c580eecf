import { MediaError } from '../errors.ts';
import { RtpTimestamp, SequenceNumber } from './wrapping.ts';

/** An RTP packet, RFC 3550 §5.1, without its contributing sources and header extensions. */
export interface RtpPacket {
  readonly payloadType: number;
  readonly isMarked: boolean;
  readonly sequence: SequenceNumber;
  readonly timestamp: RtpTimestamp;
  readonly ssrc: number;
  /** Without padding. A view of the packet's bytes where it was read from some. */
  readonly payload: Uint8Array;
}

const HEADER_BYTES = 12;

/**
 * @param bytes one datagram; the packet's payload stays a view of it.
 * @param clockRateHz of the payload type, which only signalling tells.
 * @throws {MediaError} `RTP_PACKET_INVALID`
 */
export function readRtpPacket(bytes: Uint8Array, clockRateHz: number): RtpPacket {
  if (bytes.length < HEADER_BYTES) throw invalid(`${bytes.length} bytes are too few for a header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint8(0);
  const version = flags >> 6;
  if (version !== 2) throw invalid(`version ${version} instead of 2`);
  const sourceCount = flags & 0x0f;
  let start = HEADER_BYTES + 4 * sourceCount;
  if ((flags & 0x10) !== 0) {
    if (bytes.length < start + 4) throw invalid('the header extension is cut off');
    start += 4 + 4 * view.getUint16(start + 2);
  }
  const paddingBytes = (flags & 0x20) === 0 ? 0 : bytes[bytes.length - 1]!;
  if ((flags & 0x20) !== 0 && paddingBytes === 0) throw invalid('padding of 0 bytes');
  const end = bytes.length - paddingBytes;
  if (end < start) throw invalid(`${bytes.length} bytes hold less than the header and padding that they announce`);
  const marker = view.getUint8(1);
  return {
    payloadType: marker & 0x7f,
    isMarked: (marker & 0x80) !== 0,
    sequence: new SequenceNumber(view.getUint16(2)),
    timestamp: new RtpTimestamp(view.getUint32(4), clockRateHz),
    ssrc: view.getUint32(8),
    payload: bytes.subarray(start, end),
  };
}

/** Writes a packet without contributing sources, extensions or padding. */
export function writeRtpPacket(packet: RtpPacket): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + packet.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 2 << 6);
  view.setUint8(1, (packet.isMarked ? 0x80 : 0) | packet.payloadType);
  view.setUint16(2, packet.sequence.value);
  view.setUint32(4, packet.timestamp.value);
  view.setUint32(8, packet.ssrc);
  bytes.set(packet.payload, HEADER_BYTES);
  return bytes;
}

function invalid(detail: string): MediaError {
  return new MediaError('RTP_PACKET_INVALID', detail);
}
