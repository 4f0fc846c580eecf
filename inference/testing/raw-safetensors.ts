import { readFileSync, writeFileSync } from 'node:fs';

/** A tensor as its file has it: type, shape and bytes may be anything, so that a test can write what is wrong. */
export interface RawTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export function f32Tensor(shape: readonly number[], values: Float32Array): RawTensor {
  return { dtype: 'F32', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

export function readRawSafetensors(path: string): Map<string, RawTensor> {
  const bytes = readFileSync(path);
  const dataStart = 8 + Number(bytes.readBigUInt64LE());
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> = JSON.parse(
    bytes.toString('utf8', 8, dataStart),
  );
  return new Map(
    Object.entries(header)
      .filter(([key]) => key !== '__metadata__')
      .map(
        ([
          key,
          {
            dtype,
            shape,
            data_offsets: [begin, end],
          },
        ]) => [key, { dtype, shape, bytes: bytes.subarray(dataStart + begin, dataStart + end) }],
      ),
  );
}

/** @param editHeader changes the header before it is written. */
export function writeRawSafetensors(
  path: string,
  tensors: ReadonlyMap<string, RawTensor>,
  editHeader: (header: Record<string, { data_offsets: number[] }>) => void = () => {},
): void {
  let offset = 0;
  const header: Record<string, { dtype: string; shape: readonly number[]; data_offsets: number[] }> = {};
  for (const [key, { dtype, shape, bytes }] of tensors) {
    header[key] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  editHeader(header);
  writeFileSync(
    path,
    safetensorsBytes(
      JSON.stringify(header),
      [...tensors.values()].map(({ bytes }) => bytes),
    ),
  );
}

/** @returns a file with this header, JSON or not, and these bytes after it. */
export function safetensorsBytes(header: string, data: readonly Uint8Array[]): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), ...data]);
}
