import { FRAME_SAMPLES } from '../../../../inference/index.ts';
import type { Dice } from '../dice.ts';

/**
 * The client's messages of inference/worker/PROTOCOL.md, written from that page and not with the worker's own code, so
 * that an error in that code is not shared by its test. Fields stay apart until they are sent: mutations know them.
 */
export interface WireMessage {
  readonly code: number;
  readonly fields: readonly Buffer[];
}

const u8 = (value: number) => Buffer.from([value]);
const u16 = (value: number) => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const f64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
};
const text = (value: string) => [u16(Buffer.byteLength(value)), Buffer.from(value)];

export const HELLO: WireMessage = { code: 0x01, fields: [Buffer.from('PRLY'), u16(1), u16(2)] };

export const openSlot = (dice: Dice): WireMessage => {
  const flags = dice.chance(0.5) ? 0 : dice.below(16);
  const settings = [0.8, 0.7, 25, 250].filter((_, bit) => flags & (1 << bit));
  const attributes = dice.chance(0.8) ? 0 : dice.between(1, 3);
  return {
    code: 0x02,
    fields: [
      u32(dice.between(1, 1000)),
      dice.bytes(8),
      u8(flags),
      ...settings.map(f64),
      u8(attributes),
      ...Array.from({ length: attributes }, () => [...text('description'), ...text('very_good')]).flat(),
    ],
  };
};

export const closeSlot = (slot: number): WireMessage => ({ code: 0x03, fields: [u16(slot)] });

export const ping = (id: number): WireMessage => ({ code: 0x05, fields: [u32(id)] });

export const frame = (dice: Dice, slot: number, tick: number): WireMessage => {
  const flags = dice.chance(0.6) ? 0 : dice.below(8);
  const codes = dice.between(1, 16);
  const values = dice.pick([1, 64, 512]);
  return {
    code: 0x04,
    fields: [
      u16(slot),
      u32(tick),
      u8(flags),
      ...(flags & 1 ? [u32(dice.below(100))] : []),
      ...(flags & 2 ? [u16(codes), Buffer.alloc(codes * 4)] : []),
      ...(flags & 4 ? [u16(values), Buffer.alloc(values * 4)] : []),
      Buffer.alloc(FRAME_SAMPLES * 4, dice.bytes(4)),
    ],
  };
};

/** @param length what the header says; absent: the truth. */
export function encode({ code, fields }: WireMessage, length?: number): Buffer {
  const body = Buffer.concat(fields);
  return Buffer.concat([u32(length ?? body.length + 1), u8(code), body]);
}
