import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type EngineInfo, FRAME_SAMPLES, type SlotInput, type SlotOptions, type SlotOutput } from '../engine/engine.ts';
import { type ByteReader, BytesError, ByteWriter } from '../worker/bytes.ts';
import {
  readEngineInfo,
  readForcing,
  readSlotOptions,
  writeEngineInfo,
  writeForcing,
  writeSlotOptions,
} from '../worker/message-fields.ts';

/** Version 1 had no transcripts; such logs are read as those of engines without them. */
export const LOG_VERSION = 2;
const LOG_VERSION_MIN = 1;

/** First in every log: what has to be the same for a replay to give the same bits. */
export interface LogHeader {
  readonly type: 'header';
  readonly version: number;
  /** Unix time. */
  readonly startedMs: number;
  readonly info: EngineInfo;
}

interface LoggedOpen {
  readonly type: 'opened';
  readonly slot: number;
  readonly options: SlotOptions;
}

interface LoggedClose {
  readonly type: 'closed';
  readonly slot: number;
}

/** One slot in one step: what went in, and the fingerprint of what came out. */
export interface LoggedRow {
  readonly input: SlotInput;
  readonly textToken: number;
  /** Absent where the engine has none. */
  readonly transcript?: string;
  readonly isFault: boolean;
  /** `fingerprint` of the output's PCM. */
  readonly pcmHash: bigint;
}

export interface LoggedStep {
  readonly type: 'step';
  readonly tickIndex: number;
  readonly batchSize: number;
  /** The slots that ran; all others kept their state. */
  readonly rows: readonly LoggedRow[];
}

/** Why nothing follows: the worker ended, the file is as large as it may get, or the disk did not keep up. */
export type LogEndReason = 'worker-ended' | 'file-full' | 'disk-slow';

interface LogEnd {
  readonly type: 'end';
  readonly reason: LogEndReason;
}

export type LogRecord = LogHeader | LoggedOpen | LoggedClose | LoggedStep | LogEnd;

export const RECORD_HEADER_BYTES = 8;
const TYPES = ['header', 'opened', 'closed', 'step', 'end'] as const;
const END_REASONS: readonly LogEndReason[] = ['worker-ended', 'file-full', 'disk-slow'];
const MAGIC = 'PRLYLOG';
/** PCM that is silence throughout, as for a frame that never came, takes no room. */
const SILENT = 1;
const FAULT = 2;
const TRANSCRIPT = 4;

/** @returns the first 8 bytes of PCM's SHA-256: what two equal outputs have in common, in 1/960 of the room. */
export function fingerprint(pcm: Float32Array): bigint {
  return hash('sha256', new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength), 'buffer').readBigUInt64LE(0);
}

/** @returns `length u32 | CRC-32 u32 | type u8 | body`: the length and the CRC are those of what follows them. */
export function encodeRecord(record: LogRecord): Buffer {
  const writer = new ByteWriter(record.type === 'step' ? 64 + record.rows.length * (FRAME_SAMPLES * 4 + 64) : 512);
  writer.u32(0);
  writer.u32(0);
  writer.u8(TYPES.indexOf(record.type));
  writeBody(writer, record);
  const bytes = writer.finish();
  bytes.writeUInt32LE(bytes.length - RECORD_HEADER_BYTES, 0);
  bytes.writeUInt32LE(crc32(bytes.subarray(RECORD_HEADER_BYTES)), 4);
  return bytes;
}

/** @param reader at the type byte of a record whose CRC was right. @throws BytesError */
export function decodeRecord(reader: ByteReader): LogRecord {
  const type = TYPES[reader.u8()];
  if (!type) throw new BytesError('unknown record');
  const record = readBody(reader, type);
  reader.end();
  return record;
}

function writeBody(writer: ByteWriter, record: LogRecord): void {
  switch (record.type) {
    case 'header':
      writer.string(MAGIC);
      writer.u16(record.version);
      writer.f64(record.startedMs);
      writeEngineInfo(writer, record.info);
      return;
    case 'opened':
      writer.u16(record.slot);
      writeSlotOptions(writer, record.options);
      return;
    case 'closed':
      writer.u16(record.slot);
      return;
    case 'step':
      writer.u32(record.tickIndex);
      writer.u16(record.batchSize);
      writer.u16(record.rows.length);
      for (const row of record.rows) writeRow(writer, row);
      return;
    case 'end':
      writer.u8(END_REASONS.indexOf(record.reason));
      return;
    default:
      record satisfies never;
  }
}

function writeRow(writer: ByteWriter, { input, textToken, transcript, isFault, pcmHash }: LoggedRow): void {
  const isSilent = input.pcm.every((value) => Object.is(value, 0));
  writer.u16(input.slot);
  writer.u8((isSilent ? SILENT : 0) | (isFault ? FAULT : 0) | (transcript === undefined ? 0 : TRANSCRIPT));
  writeForcing(writer, input);
  if (!isSilent) writer.f32Array(input.pcm);
  writer.i32(textToken);
  if (transcript !== undefined) writer.string(transcript);
  writer.u64(pcmHash);
}

function readBody(reader: ByteReader, type: LogRecord['type']): LogRecord {
  switch (type) {
    case 'header': {
      if (reader.string() !== MAGIC) throw new BytesError('not a log');
      const version = reader.u16();
      if (version < LOG_VERSION_MIN || version > LOG_VERSION) {
        throw new BytesError(`version ${version}; this is ${LOG_VERSION}`);
      }
      return { type, version, startedMs: reader.f64(), info: readEngineInfo(reader) };
    }
    case 'opened':
      return { type, slot: reader.u16(), options: readSlotOptions(reader) };
    case 'closed':
      return { type, slot: reader.u16() };
    case 'step': {
      const [tickIndex, batchSize, rowCount] = [reader.u32(), reader.u16(), reader.u16()];
      return { type, tickIndex, batchSize, rows: Array.from({ length: rowCount }, () => readRow(reader)) };
    }
    case 'end': {
      const reason = END_REASONS[reader.u8()];
      if (!reason) throw new BytesError('unknown end');
      return { type, reason };
    }
  }
}

function readRow(reader: ByteReader): LoggedRow {
  const [slot, flags] = [reader.u16(), reader.u8()];
  const forcing = readForcing(reader);
  const pcm = flags & SILENT ? new Float32Array(FRAME_SAMPLES) : reader.f32Array(FRAME_SAMPLES);
  const input = { slot, ...forcing, pcm };
  return {
    input,
    textToken: reader.i32(),
    ...(flags & TRANSCRIPT && { transcript: reader.string() }),
    isFault: (flags & FAULT) !== 0,
    pcmHash: reader.u64(),
  };
}

/** One row of a step, from what the engine was given and gave. */
export function loggedRow(input: SlotInput, output: SlotOutput): LoggedRow {
  return {
    input,
    textToken: output.textToken,
    ...(output.transcript !== undefined && { transcript: output.transcript }),
    isFault: output.fault !== undefined,
    pcmHash: fingerprint(output.pcm),
  };
}
