import { closeSync, openSync, writeSync } from 'node:fs';

export interface TensorToWrite {
  readonly key: string;
  readonly shape: readonly number[];
  /** Gives the values, row-major; called once, when the tensor is written. */
  produce(): Float32Array;
}

/** The format's own alignment of the data that follows the header. */
const HEADER_ALIGNMENT_BYTES = 8;

/**
 * Writes tensors as f32 into a new safetensors file, one at a time, so that a file of any size can be written.
 *
 * @see https://github.com/huggingface/safetensors#format
 */
export function writeSafetensors(path: string, tensors: readonly TensorToWrite[]): void {
  let offset = 0;
  const header: Record<string, unknown> = {};
  for (const { key, shape } of tensors) {
    const bytes = shape.reduce((a, b) => a * b, 1) * Float32Array.BYTES_PER_ELEMENT;
    header[key] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = JSON.stringify(header);
  const padded = json.padEnd(Math.ceil(json.length / HEADER_ALIGNMENT_BYTES) * HEADER_ALIGNMENT_BYTES);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(padded)));
  const file = openSync(path, 'wx');
  try {
    writeAll(file, length);
    writeAll(file, Buffer.from(padded));
    for (const tensor of tensors) {
      const values = tensor.produce();
      writeAll(file, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  } finally {
    closeSync(file);
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done);
}
