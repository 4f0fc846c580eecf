import type { Dice } from '../dice.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import type { RtpDatagram } from './srtp-caller.ts';

/** Where the stream stands, so that a mutation is one packet out of a valid sequence. */
export interface StreamPosition {
  readonly ssrc: number;
  readonly payloadType: number;
  readonly sequence: number;
  readonly timestamp: number;
}

export type RtpAttack =
  | ({ readonly kind: 'header' | 'extension' | 'position' | 'opus' } & RtpDatagram)
  | { readonly kind: 'rtcp' | 'stranger'; readonly bytes: Buffer };

const HEADER_BYTES = 12;
/** 20 ms of silence, as Opus's own encoder writes it. */
const SILENCE = Buffer.from([0xf8, 0xff, 0xfe]);

export function validPacket(at: StreamPosition): RtpDatagram {
  return { header: headerOf(at), payload: SILENCE };
}

export function makeRtpAttack(dice: Dice, at: StreamPosition): RtpAttack {
  const kind = dice.pick<RtpAttack['kind']>([
    'header',
    'extension',
    'position',
    'opus',
    'opus',
    'opus',
    'rtcp',
    'stranger',
  ]);
  switch (kind) {
    case 'header':
      return { kind, ...wrongHeader(dice, at) };
    case 'extension':
      return { kind, header: withExtension(dice, headerOf(at)), payload: opusPacket(dice) };
    case 'position':
      return { kind, header: headerOf(elsewhere(dice, at)), payload: opusPacket(dice) };
    case 'opus':
      return { kind, header: headerOf(at), payload: opusPacket(dice) };
    case 'rtcp':
      return { kind, bytes: rtcp(dice, at.ssrc) };
    case 'stranger':
      return { kind, bytes: strangersDatagram(dice, at) };
  }
}

function headerOf({ ssrc, payloadType, sequence, timestamp }: StreamPosition): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(0x80, 0);
  header.writeUInt8(payloadType, 1);
  header.writeUInt16BE(sequence & 0xffff, 2);
  header.writeUInt32BE(timestamp >>> 0, 4);
  header.writeUInt32BE(ssrc, 8);
  return header;
}

function wrongHeader(dice: Dice, at: StreamPosition): RtpDatagram {
  const header = headerOf(at);
  const payload = opusPacket(dice);
  const padded = (count: number) => Buffer.concat([payload, Buffer.from([count])]);
  const withFlags = (flags: number) => Buffer.from([flags, ...header.subarray(1)]);
  return dice.pick<() => RtpDatagram>([
    // Versions, contributing sources that are not there, padding longer than all or of no length.
    () => ({ header: withFlags(dice.below(256)), payload }),
    () => ({ header: withFlags(0x80 | dice.between(1, 15)), payload }),
    () => ({ header: withFlags(0xa0), payload: padded(dice.pick([0, 1, 2, 200, 255])) }),
    () => ({ header: Buffer.concat([withFlags(0x82), dice.bytes(8)]), payload }),
    // Other payload types, those that look like RTCP among them.
    () => ({ header: headerOf({ ...at, payloadType: dice.below(256) }), payload }),
    () => ({ header: headerOf({ ...at, payloadType: 0x80 | at.payloadType }), payload }),
    () => ({ header: headerOf({ ...at, ssrc: dice.pick([0, 1, 0xffff_ffff, dice.below(2 ** 32)]) }), payload }),
    () => {
      const bytes = mutateBytes(dice, header);
      return { header: Buffer.concat([bytes, header]).subarray(0, HEADER_BYTES), payload };
    },
  ])();
}

function withExtension(dice: Dice, header: Buffer): Buffer {
  const elements = dice.pick<() => Buffer>([
    () => Buffer.from([0x40, 0x30, 0, 0]), // MID "0"
    () => Buffer.from([0x4f, 0x30, 0, 0]), // MID of 16 bytes, of which three are there
    () => Buffer.from([0x40 | dice.below(16), ...dice.bytes(7)]),
    () => Buffer.from([0xf0, 0, 0, 0]), // the id that ends all
    () => dice.bytes(4 * dice.between(0, 16)),
    () => Buffer.alloc(4 * dice.between(0, 60)),
  ])();
  const intro = Buffer.alloc(4);
  intro.writeUInt16BE(dice.pick([0xbede, 0xbede, 0x1000, 0x100f, 0, 0xffff]), 0);
  intro.writeUInt16BE(dice.chance(0.7) ? elements.length / 4 : dice.pick([0, 1, 100, 0xffff]), 2);
  return Buffer.concat([Buffer.from([0x90]), header.subarray(1), intro, elements]);
}

/** Repeats, jumps, times that stand still or go back. */
function elsewhere(dice: Dice, at: StreamPosition): StreamPosition {
  const jump = () => dice.pick([-40_000, -3000, -100, -2, -1, 0, 2, 50, 1000, 20_000, dice.below(65_536)]);
  const leap = () => dice.pick([-(2 ** 31), -48_000, -960, -1, 0, 1, 2880, 48_000, 4_800_000, 2 ** 31 - 1]);
  return dice.pick([
    () => ({ ...at, sequence: at.sequence + jump() }),
    () => ({ ...at, timestamp: at.timestamp + leap() }),
    () => ({ ...at, sequence: at.sequence + jump(), timestamp: at.timestamp + leap() }),
    () => ({ ...at, timestamp: dice.below(2 ** 32) }),
  ])();
}

/** An Opus packet of any configuration, right or wrong: any bytes decode to some sound where the framing is right. */
function opusPacket(dice: Dice): Buffer {
  const config = dice.below(32) << 3;
  const stereo = dice.chance(0.3) ? 4 : 0;
  const frame = (max: number) => dice.bytes(dice.between(0, max));
  const toc = (code: number) => Buffer.from([config | stereo | code]);
  return dice.pick<() => Buffer>([
    () => Buffer.concat([toc(0), frame(160)]),
    () => Buffer.concat([toc(0), frame(160)]),
    () => toc(dice.below(4)),
    () => Buffer.alloc(0),
    () => Buffer.concat([toc(1), frame(80), frame(80)]),
    () => Buffer.concat([toc(2), Buffer.from([dice.below(256), dice.below(256)]), frame(100)]),
    // Code 3: any number of frames, of one size or of their own, with padding.
    () => Buffer.concat([toc(3), Buffer.from([dice.below(256)]), frame(200)]),
    () =>
      Buffer.concat([toc(3), Buffer.from([0x40 | dice.between(1, 48), 255, 255, 255, dice.below(256)]), frame(200)]),
    () => Buffer.concat([toc(0), Buffer.alloc(dice.pick([1275, 1276, 1400]), 0xff)]),
    () => mutateBytes(dice, Buffer.concat([SILENCE, dice.bytes(40)])),
    () => dice.bytes(dice.between(1, 1300)),
  ])();
}

function rtcp(dice: Dice, ssrc: number): Buffer {
  const packet = (type: number, count: number, body: Buffer) => {
    const head = Buffer.alloc(8);
    head.writeUInt8(0x80 | count, 0);
    head.writeUInt8(type, 1);
    head.writeUInt16BE(Math.floor(body.length / 4) + 1, 2);
    head.writeUInt32BE(ssrc, 4);
    return Buffer.concat([head, body]);
  };
  const valid = dice.pick<() => Buffer>([
    () => packet(200, 0, dice.bytes(20)), // sender report
    () => packet(200, 1, dice.bytes(44)),
    () => packet(201, 1, dice.bytes(24)), // receiver report
    () => packet(202, 1, Buffer.from([1, 2, 0x61, 0x62, 0, 0, 0, 0])), // source description
    () => packet(203, 1, Buffer.alloc(0)), // goodbye
    () => packet(204, 0, dice.bytes(8)), // application
    () => packet(205, 1, dice.bytes(8)), // NACK
    () => packet(205, 15, dice.bytes(16)), // transport-wide feedback
    () => packet(206, 15, Buffer.concat([Buffer.alloc(4), Buffer.from('REMB'), dice.bytes(8)])),
    () => packet(207, 0, dice.bytes(16)), // extended report
  ])();
  const mutated = dice.chance(0.8) ? mutateBytes(dice, valid) : valid;
  // The cipher reads the first eight bytes, and the demultiplexer the second: 192 to 223 are RTCP.
  const bytes = Buffer.concat([mutated, valid]).subarray(0, Math.max(8, mutated.length));
  if (bytes[1]! < 192 || bytes[1]! > 223) bytes[1] = valid[1]!;
  return bytes;
}

/** From an address that has no call: STUN, DTLS, RTP and noise. */
function strangersDatagram(dice: Dice, at: StreamPosition): Buffer {
  const stun = Buffer.concat([
    Buffer.from([0, 1, 0, 28, 0x21, 0x12, 0xa4, 0x42]),
    dice.bytes(12),
    Buffer.from([0, 6, 0, 5, 0x61, 0x3a, 0x62, 0x63, 0x64, 0, 0, 0]), // USERNAME "a:bcd"
    Buffer.from([0, 0x24, 0, 4, 1, 2, 3, 4]), // PRIORITY
    Buffer.from([0x80, 0x28, 0, 4, 1, 2, 3, 4]), // FINGERPRINT
  ]);
  const dtls = Buffer.concat([
    Buffer.from([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 1, 0, 0, 48]),
    dice.bytes(56),
  ]);
  const rtp = Buffer.concat([headerOf(at), opusPacket(dice), dice.bytes(16)]);
  return dice.pick([
    () => stun,
    () => mutateBytes(dice, stun),
    () => mutateBytes(dice, stun),
    () => dtls,
    () => mutateBytes(dice, dtls),
    () => rtp,
    () => mutateBytes(dice, rtp),
    () => dice.bytes(dice.between(1, 1400)),
  ])();
}
