import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MediaError } from '../errors.ts';
import { readRtpPacket, writeRtpPacket } from './rtp-packet.ts';
import { RtpTimestamp, SequenceNumber } from './wrapping.ts';

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('an RTP packet', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 127 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 65_535 }),
        u32,
        u32,
        fc.uint8Array({ maxLength: 300 }),
        (payloadType, isMarked, sequence, timestamp, ssrc, payload) => {
          const packet = {
            payloadType,
            isMarked,
            sequence: new SequenceNumber(sequence),
            timestamp: new RtpTimestamp(timestamp, 48_000),
            ssrc,
            payload,
          };
          expect(readRtpPacket(writeRtpPacket(packet), 48_000)).toEqual(packet);
        },
      ),
      { seed: 1 },
    );
  });

  it('is read past contributing sources, a header extension and padding', () => {
    const bytes = Uint8Array.from([
      ...[0xb2, 0xef, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 2], // V=2 P X CC=2, M PT=111
      ...[0, 0, 0, 3, 0, 0, 0, 4], // two contributing sources
      ...[0xbe, 0xde, 0, 1, 9, 9, 9, 9], // one word of extension
      ...[7, 8, 9, 0, 0, 3], // payload and 3 bytes of padding
    ]);
    const packet = readRtpPacket(bytes, 48_000);
    expect(packet).toMatchObject({ payloadType: 111, isMarked: true, ssrc: 2 });
    expect(packet.sequence.value).toBe(0x1234);
    expect([...packet.payload]).toEqual([7, 8, 9]);
  });

  it('is a typed error or a packet, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(readRtpPacket(bytes, 48_000).payload.length).toBeLessThanOrEqual(bytes.length - 12);
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
          expect(error).toMatchObject({ code: 'RTP_PACKET_INVALID' });
        }
      }),
      { seed: 2, numRuns: 2_000 },
    );
  });

  it.each([
    ['too few bytes', [0x80, 0, 0]],
    ['another version', [0x40, ...Array(11).fill(0)]],
    ['padding of 0 bytes', [0xa0, ...Array(12).fill(0)]],
    ['more padding than packet', [0xa0, ...Array(11).fill(0), 9]],
    ['an extension that is cut off', [0x90, ...Array(11).fill(0), 0, 0]],
    ['an extension longer than the packet', [0x90, ...Array(13).fill(0), 0, 9]],
    ['more contributing sources than bytes', [0x8f, ...Array(11).fill(0)]],
  ])('is refused for %s', (_, bytes) => {
    expect(() => readRtpPacket(Uint8Array.from(bytes), 48_000)).toThrow(/RTP_PACKET_INVALID/);
  });
});

describe('numbers that wrap', () => {
  it('knows which sequence number is later across the wrap', () => {
    expect(new SequenceNumber(3).since(new SequenceNumber(65_533))).toBe(6);
    expect(new SequenceNumber(65_533).since(new SequenceNumber(3))).toBe(-6);
    expect(new SequenceNumber(65_535).next().value).toBe(0);
    expect(new SequenceNumber(0x8000).since(new SequenceNumber(0))).toBe(-32_768);
  });

  it('knows the time between timestamps across the wrap', () => {
    const late = new RtpTimestamp(2 ** 32 - 480, 48_000);
    expect(late.plusMs(20).value).toBe(480);
    expect(late.plusMs(20).msSince(late)).toBe(20);
    expect(late.msSince(late.plusMs(20))).toBe(-20);
    expect(new RtpTimestamp(160, 8_000).msSince(new RtpTimestamp(0, 8_000))).toBe(20);
  });
});
