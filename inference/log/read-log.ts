import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { InferenceError } from '../errors.ts';
import { ByteReader, BytesError } from '../worker/bytes.ts';
import { decodeRecord, type LogHeader, type LogRecord, RECORD_HEADER_BYTES } from './log-record.ts';

/** 1024 rows with everything forced stay under this. */
const RECORD_BYTES_MAX = 128 * 2 ** 20;

/** A recorded log, read record by record. */
export class LogReader implements AsyncDisposable {
  readonly header: LogHeader;
  readonly path: string;
  readonly fileBytes: number;
  readonly #file: FileHandle;
  #offset: number;
  #isTorn = false;

  private constructor(path: string, file: FileHandle, fileBytes: number, header: LogHeader, offset: number) {
    this.path = path;
    this.#file = file;
    this.fileBytes = fileBytes;
    this.header = header;
    this.#offset = offset;
  }

  /** @throws InferenceError `LOG_INVALID` where the file is missing or does not begin as a log. */
  static async open(path: string): Promise<LogReader> {
    const file = await open(path).catch((cause: Error) => {
      throw new InferenceError('LOG_INVALID', cause.message, { cause });
    });
    try {
      const { size } = await file.stat();
      const first = await readRecord(path, file, 0, size);
      if (first?.record.type !== 'header') throw new InferenceError('LOG_INVALID', `${path} does not begin as a log`);
      return new LogReader(path, file, size, first.record, first.end);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** How far it was read. */
  get bytesRead(): number {
    return this.#offset;
  }

  /** True once the end was reached and the last record was cut short: its process was killed while it wrote. */
  get isTorn(): boolean {
    return this.#isTorn;
  }

  /** All records but the header. @throws InferenceError `LOG_INVALID` where the file is damaged before its end. */
  async *records(): AsyncGenerator<LogRecord, void> {
    while (this.#offset < this.fileBytes) {
      const next = await readRecord(this.path, this.#file, this.#offset, this.fileBytes);
      if (!next) {
        this.#isTorn = true;
        return;
      }
      this.#offset = next.end;
      yield next.record;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** @returns undefined where the file ends before the record does, or with it but with a wrong CRC. */
async function readRecord(
  path: string,
  file: FileHandle,
  offset: number,
  fileBytes: number,
): Promise<{ record: LogRecord; end: number } | undefined> {
  if (offset + RECORD_HEADER_BYTES > fileBytes) return undefined;
  const head = Buffer.alloc(RECORD_HEADER_BYTES);
  await file.read(head, 0, RECORD_HEADER_BYTES, offset);
  const length = head.readUInt32LE(0);
  const end = offset + RECORD_HEADER_BYTES + length;
  const damaged = (why: string) => new InferenceError('LOG_INVALID', `${path}, byte ${offset}: ${why}`);
  if (length === 0 || length > RECORD_BYTES_MAX) throw damaged(`a record of ${length} bytes`);
  if (end > fileBytes) return undefined;
  const body = Buffer.alloc(length);
  await file.read(body, 0, length, offset + RECORD_HEADER_BYTES);
  if (crc32(body) !== head.readUInt32LE(4)) {
    if (end === fileBytes) return undefined;
    throw damaged('the checksum is wrong');
  }
  try {
    return { record: decodeRecord(new ByteReader(body)), end };
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    throw damaged(cause.message);
  }
}
