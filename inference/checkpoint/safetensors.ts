import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { InferenceError } from '../errors.ts';
import { widenBf16, widenF16 } from './half.ts';
import { schemaProblems } from './schema-problems.ts';

const MAX_HEADER_BYTES = 64 * 1024 * 1024;

const ELEMENT_BYTES = { F32: 4, F16: 2, BF16: 2, I32: 4, I64: 8, U8: 1 } as const;
type ElementType = keyof typeof ELEMENT_BYTES;
const FLOAT_TYPES: readonly string[] = ['F32', 'F16', 'BF16'];

const TensorHeaderSchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});
type TensorHeader = z.infer<typeof TensorHeaderSchema>;
const HeaderSchema = z.record(z.string(), TensorHeaderSchema);

interface Entry {
  readonly file: SafetensorsFile;
  /** As the file says it; one of ElementType where Parley can read it. */
  readonly elementType: string;
  readonly shape: readonly number[];
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

/** One open safetensors file: 8 bytes of header length, a JSON header, raw little-endian tensors. */
class SafetensorsFile {
  readonly path: string;
  readonly #descriptor: number;
  readonly #dataStart: number;
  readonly #dataBytes: number;
  readonly header: z.infer<typeof HeaderSchema>;

  constructor(path: string) {
    this.path = path;
    try {
      this.#descriptor = openSync(path, 'r');
    } catch (cause) {
      throw new InferenceError('CHECKPOINT_FILE_MISSING', path, { cause });
    }
    try {
      const fileBytes = fstatSync(this.#descriptor).size;
      const headerBytes = this.#headerLength(fileBytes);
      this.#dataStart = 8 + headerBytes;
      this.#dataBytes = fileBytes - this.#dataStart;
      this.header = this.#parseHeader(this.#readAt(8, headerBytes));
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  #headerLength(fileBytes: number): number {
    if (fileBytes < 8) throw this.#broken(`${fileBytes} bytes is too short for a header`);
    const length = Number(this.#readAt(0, 8).readBigUInt64LE());
    if (length > MAX_HEADER_BYTES || 8 + length > fileBytes)
      throw this.#broken(`a header of ${length} bytes does not fit ${fileBytes} bytes of file`);
    return length;
  }

  #parseHeader(bytes: Buffer): z.infer<typeof HeaderSchema> {
    let json: unknown;
    try {
      json = JSON.parse(bytes.toString('utf8'));
    } catch (cause) {
      throw this.#broken('header is not JSON', cause);
    }
    if (typeof json === 'object' && json !== null) delete (json as Record<string, unknown>).__metadata__;
    const parsed = HeaderSchema.safeParse(json);
    if (!parsed.success) throw this.#broken(schemaProblems(parsed.error, json));
    return parsed.data;
  }

  /** @throws InferenceError `CHECKPOINT_FILE_INVALID` where a tensor's bytes are not its own, or not there. */
  entries(): [string, Entry][] {
    const entries = Object.entries(this.header).map(([key, header]): [string, Entry] => [
      key,
      this.#entry(key, header),
    ]);
    const inFileOrder = entries.toSorted(([, a], [, b]) => a.offsetBytes - b.offsetBytes);
    for (const [i, [key, { offsetBytes }]] of inFileOrder.entries()) {
      const [before, entry] = inFileOrder[i - 1] ?? [];
      if (entry && entry.offsetBytes + entry.sizeBytes > offsetBytes)
        throw this.#broken(`${key} begins inside ${before}`);
    }
    return entries;
  }

  #entry(key: string, { dtype, shape, data_offsets: [begin, end] }: TensorHeader): Entry {
    // A type that is not known may be that of a tensor which nobody asks for.
    const elementBytes = Object.hasOwn(ELEMENT_BYTES, dtype) ? ELEMENT_BYTES[dtype as ElementType] : undefined;
    const expectedBytes = elementBytes === undefined ? end - begin : shape.reduce((a, b) => a * b, 1) * elementBytes;
    if (begin > end || end - begin !== expectedBytes || end > this.#dataBytes) {
      const expected = `${key}: [${shape.join(', ')}] of ${dtype} takes ${expectedBytes} bytes`;
      throw this.#broken(`${expected}, found ${begin} to ${end} of ${this.#dataBytes}`);
    }
    return { file: this, elementType: dtype, shape, offsetBytes: begin, sizeBytes: end - begin };
  }

  read(entry: Entry): Buffer {
    return this.#readAt(this.#dataStart + entry.offsetBytes, entry.sizeBytes);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #readAt(position: number, size: number): Buffer {
    // Its own allocation: a pooled Buffer's offset is not always a multiple of the element size.
    const bytes = Buffer.from(new ArrayBuffer(size));
    for (let done = 0; done < size; ) {
      const count = readSync(this.#descriptor, bytes, done, size - done, position + done);
      if (count === 0) throw this.#broken(`ends at byte ${position + done}`);
      done += count;
    }
    return bytes;
  }

  #broken(detail: string, cause?: unknown): InferenceError {
    return new InferenceError('CHECKPOINT_FILE_INVALID', `${this.path}: ${detail}`, { cause });
  }
}

/**
 * The tensors of one safetensors file, or of a sharded set behind `NAME.index.json`. Values are read when asked for,
 * so a checkpoint of any size costs its header only.
 *
 * @see https://github.com/huggingface/safetensors#format
 */
export class TensorStore {
  readonly #entries = new Map<string, Entry>();
  readonly #files: SafetensorsFile[] = [];

  constructor(path: string) {
    try {
      for (const file of shardsOf(path)) {
        const open = new SafetensorsFile(file);
        this.#files.push(open);
        for (const [key, entry] of open.entries()) this.#add(key, entry);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  get filePaths(): readonly string[] {
    return this.#files.map((file) => file.path);
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  shape(key: string): readonly number[] | undefined {
    return this.#entries.get(key)?.shape;
  }

  /** @throws InferenceError `CHECKPOINT_TENSOR_INVALID` where the values are no floats; `CHECKPOINT_TENSOR_MISSING` */
  demandFloats(key: string): void {
    const { elementType } = this.#entry(key);
    if (FLOAT_TYPES.includes(elementType)) return;
    const detail = `${key}: found values of type ${elementType}, expected one of ${FLOAT_TYPES.join(', ')}`;
    throw new InferenceError('CHECKPOINT_TENSOR_INVALID', detail);
  }

  /** @returns the values widened to f32. @throws InferenceError `CHECKPOINT_TENSOR_MISSING`, `CHECKPOINT_TENSOR_INVALID` */
  float32(key: string): Float32Array<ArrayBuffer> {
    this.demandFloats(key);
    const entry = this.#entry(key);
    const bytes = entry.file.read(entry);
    const buffer = bytes.buffer as ArrayBuffer;
    if (entry.elementType === 'F32') return new Float32Array(buffer);
    return (entry.elementType === 'BF16' ? widenBf16 : widenF16)(new Uint16Array(buffer));
  }

  /** @returns the values of an integer tensor. @throws InferenceError as `float32` */
  integers(key: string): Int32Array | Uint8Array {
    const entry = this.#entry(key);
    const buffer = entry.file.read(entry).buffer as ArrayBuffer;
    if (entry.elementType === 'I32') return new Int32Array(buffer);
    if (entry.elementType === 'I64') return Int32Array.from(new BigInt64Array(buffer), Number);
    if (entry.elementType === 'U8') return new Uint8Array(buffer);
    throw new InferenceError('CHECKPOINT_TENSOR_INVALID', `${key}: ${entry.elementType} where integers are expected`);
  }

  close(): void {
    for (const file of this.#files.splice(0)) file.close();
  }

  #add(key: string, entry: Entry): void {
    const other = this.#entries.get(key);
    if (other) {
      const detail = `${entry.file.path}: ${key} is in ${other.file.path} too`;
      throw new InferenceError('CHECKPOINT_FILE_INVALID', detail);
    }
    this.#entries.set(key, entry);
  }

  #entry(key: string): Entry {
    const entry = this.#entries.get(key);
    if (!entry) throw new InferenceError('CHECKPOINT_TENSOR_MISSING', key);
    return entry;
  }
}

function shardsOf(path: string): string[] {
  const indexPath = `${path}.index.json`;
  if (existsSync(path) || !existsSync(indexPath)) return [path];
  const IndexSchema = z.object({ weight_map: z.record(z.string(), z.string().regex(/^[\w.-]+$/)) });
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(indexPath, 'utf8'));
  } catch (cause) {
    throw new InferenceError('CHECKPOINT_FILE_INVALID', `${indexPath} is not JSON`, { cause });
  }
  const index = IndexSchema.safeParse(json);
  if (!index.success)
    throw new InferenceError('CHECKPOINT_FILE_INVALID', `${indexPath}: ${schemaProblems(index.error, json)}`);
  return [...new Set(Object.values(index.data.weight_map))].map((name) => join(path, '..', name));
}
