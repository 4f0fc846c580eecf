import { FRAME_SAMPLES } from '../engine/engine.ts';
import { type ByteReader, BytesError, type ByteWriter } from './bytes.ts';
import {
  readBoolean,
  readEngineInfo,
  readFlags,
  readForcing,
  readSlotOptions,
  writeEngineInfo,
  writeForcing,
  writeSlotOptions,
} from './message-fields.ts';
import type { Message } from './messages.ts';

/** How one type of message lies in bytes; its order is the order of PROTOCOL.md's tables. */
export interface Body<T extends Message> {
  readonly type: T['type'];
  readonly code: number;
  readonly from: 'client' | 'worker';
  /** Bytes after the type byte, at most. */
  readonly bytesMax: number;
  write(writer: ByteWriter, message: T): void;
  /** @throws BytesError */
  read(reader: ByteReader): T;
}

type Bodies = { readonly [K in Message['type']]: Body<Extract<Message, { type: K }>> };

/** "PRLY", read as a little-endian number. */
const MAGIC = 0x594c5250;
const NO_SLOT = 0xffff;
const REPLY_BITS = { isDeficit: 1, transcript: 2 } as const;
/** Up to three bytes a character stay well under the message's limit. */
const DETAIL_CHARS_MAX = 512;
const CLOSE_REASONS = ['asked', 'not-finite'] as const;
const TICK_COUNTERS = [
  'steppedSlotCount',
  'openSlotCount',
  'batchSize',
  'lateTickCount',
  'skippedTickCount',
  'frameDeficitCount',
  'lateFrameCount',
] as const;

export const BODIES: Bodies = {
  hello: {
    type: 'hello',
    code: 0x01,
    from: 'client',
    bytesMax: 8,
    write(writer, message) {
      writer.u32(MAGIC);
      writer.u16(message.versionMin);
      writer.u16(message.versionMax);
    },
    read(reader) {
      if (reader.u32() !== MAGIC) throw new BytesError('does not begin with PRLY');
      return { type: 'hello', versionMin: reader.u16(), versionMax: reader.u16() };
    },
  },
  openSlot: {
    type: 'openSlot',
    code: 0x02,
    from: 'client',
    bytesMax: 8192,
    write(writer, message) {
      writer.u32(message.requestId);
      writeSlotOptions(writer, message.options);
    },
    read: (reader) => ({ type: 'openSlot', requestId: reader.u32(), options: readSlotOptions(reader) }),
  },
  closeSlot: {
    type: 'closeSlot',
    code: 0x03,
    from: 'client',
    bytesMax: 2,
    write: (writer, message) => writer.u16(message.slot),
    read: (reader) => ({ type: 'closeSlot', slot: reader.u16() }),
  },
  frame: {
    type: 'frame',
    code: 0x04,
    from: 'client',
    bytesMax: 80 * 1024,
    write(writer, message) {
      writer.u16(message.slot);
      writer.u32(message.tickIndex);
      writeForcing(writer, message);
      writer.f32Array(message.pcm);
    },
    read: (reader) => ({
      type: 'frame',
      slot: reader.u16(),
      tickIndex: reader.u32(),
      ...readForcing(reader),
      pcm: reader.f32Array(FRAME_SAMPLES),
    }),
  },
  ping: {
    type: 'ping',
    code: 0x05,
    from: 'client',
    bytesMax: 4,
    write: (writer, message) => writer.u32(message.id),
    read: (reader) => ({ type: 'ping', id: reader.u32() }),
  },
  ready: {
    type: 'ready',
    code: 0x81,
    from: 'worker',
    bytesMax: 1024,
    write(writer, message) {
      writer.u16(message.version);
      writer.f64(message.nowMs);
      writer.f64(message.tickZeroMs);
      writer.f64(message.periodMs);
      writer.f64(message.graceMs);
      writeEngineInfo(writer, message.info);
    },
    read: (reader) => ({
      type: 'ready',
      version: reader.u16(),
      nowMs: reader.f64(),
      tickZeroMs: reader.f64(),
      periodMs: reader.f64(),
      graceMs: reader.f64(),
      info: readEngineInfo(reader),
    }),
  },
  opened: {
    type: 'opened',
    code: 0x82,
    from: 'worker',
    bytesMax: 6,
    write(writer, message) {
      writer.u32(message.requestId);
      writer.u16(message.slot);
    },
    read: (reader) => ({ type: 'opened', requestId: reader.u32(), slot: reader.u16() }),
  },
  closed: {
    type: 'closed',
    code: 0x83,
    from: 'worker',
    bytesMax: 3,
    write(writer, message) {
      writer.u16(message.slot);
      writer.u8(CLOSE_REASONS.indexOf(message.reason));
    },
    read(reader) {
      const slot = reader.u16();
      const reason = CLOSE_REASONS[reader.u8()];
      if (!reason) throw new BytesError('unknown reason');
      return { type: 'closed', slot, reason };
    },
  },
  reply: {
    type: 'reply',
    code: 0x84,
    from: 'worker',
    bytesMax: 16 * 1024,
    write(writer, message) {
      writer.u16(message.slot);
      writer.u32(message.tickIndex);
      const { isDeficit, transcript } = message;
      writer.u8((isDeficit ? REPLY_BITS.isDeficit : 0) | (transcript === undefined ? 0 : REPLY_BITS.transcript));
      writer.f64(message.frameReceivedMs);
      writer.f64(message.stepBeganMs);
      writer.f64(message.stepEndedMs);
      writer.f64(message.stepMs);
      writer.i32(message.textToken);
      writer.string(message.text);
      if (transcript !== undefined) writer.string(transcript);
      writer.f32Array(message.pcm);
    },
    read(reader) {
      const [slot, tickIndex] = [reader.u16(), reader.u32()];
      const flags = readFlags(reader, REPLY_BITS.isDeficit | REPLY_BITS.transcript);
      return {
        type: 'reply',
        slot,
        tickIndex,
        isDeficit: (flags & REPLY_BITS.isDeficit) !== 0,
        frameReceivedMs: reader.f64(),
        stepBeganMs: reader.f64(),
        stepEndedMs: reader.f64(),
        stepMs: reader.f64(),
        textToken: reader.i32(),
        text: reader.string(),
        ...(flags & REPLY_BITS.transcript && { transcript: reader.string() }),
        pcm: reader.f32Array(FRAME_SAMPLES),
      };
    },
  },
  tick: {
    type: 'tick',
    code: 0x85,
    from: 'worker',
    bytesMax: 4 + 2 * 8 + TICK_COUNTERS.length * 4,
    write(writer, message) {
      writer.u32(message.tickIndex);
      writer.f64(message.stepMs);
      writer.f64(message.beganLateMs);
      for (const name of TICK_COUNTERS) writer.u32(message[name]);
    },
    read(reader) {
      const times = { tickIndex: reader.u32(), stepMs: reader.f64(), beganLateMs: reader.f64() };
      const counters = Object.fromEntries(TICK_COUNTERS.map((name) => [name, reader.u32()]));
      return { type: 'tick', ...times, ...(counters as Record<(typeof TICK_COUNTERS)[number], number>) };
    },
  },
  pong: {
    type: 'pong',
    code: 0x86,
    from: 'worker',
    bytesMax: 12,
    write(writer, message) {
      writer.u32(message.id);
      writer.f64(message.nowMs);
    },
    read: (reader) => ({ type: 'pong', id: reader.u32(), nowMs: reader.f64() }),
  },
  error: {
    type: 'error',
    code: 0x87,
    from: 'worker',
    bytesMax: 4096,
    write(writer, message) {
      writer.u8(message.isFatal ? 1 : 0);
      writer.u32(message.requestId);
      writer.u16(message.slot < 0 ? NO_SLOT : message.slot);
      writer.string(message.code);
      writer.string(message.detail.slice(0, DETAIL_CHARS_MAX));
      writer.string(message.fix);
    },
    read(reader) {
      const isFatal = readBoolean(reader);
      const requestId = reader.u32();
      const slot = reader.u16();
      const [code, detail, fix] = [reader.string(), reader.string(), reader.string()];
      return { type: 'error', code, detail, fix, isFatal, requestId, slot: slot === NO_SLOT ? -1 : slot };
    },
  },
};
