import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { f32Tensor, type RawTensor, writeRawSafetensors } from '../testing/raw-safetensors.ts';
import { TensorStore } from './safetensors.ts';
import { writeSafetensors } from './safetensors-writer.ts';

let folder: string;
const stores: TensorStore[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-safetensors-'));
});
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  rmSync(folder, { recursive: true });
});

function opened(path: string): TensorStore {
  const store = new TensorStore(path);
  stores.push(store);
  return store;
}

/** Exact in all three types, as weights are that were trained in one and saved in another. */
const VALUES = Float32Array.from({ length: 60 }, (_, i) => (i - 30) * 2 ** -(i % 5));
const SHAPES: Record<string, readonly number[]> = { a: [60], b: [3, 20], c: [2, 5, 6] };

function raw(type: 'F32' | 'F16' | 'BF16', shape: readonly number[]): RawTensor {
  if (type === 'F32') return f32Tensor(shape, VALUES);
  const halves =
    type === 'F16'
      ? new Float16Array(VALUES)
      : Uint16Array.from(new Uint32Array(VALUES.slice().buffer), (bits) => bits >>> 16);
  return { dtype: type, shape, bytes: new Uint8Array(halves.buffer) };
}

function write(name: string, type: 'F32' | 'F16' | 'BF16', keys = Object.keys(SHAPES)): string {
  const path = join(folder, name);
  writeRawSafetensors(path, new Map(keys.map((key) => [key, raw(type, SHAPES[key]!)])));
  return path;
}

function expectAll(store: TensorStore): void {
  expect(store.keys.toSorted()).toEqual(Object.keys(SHAPES));
  for (const [key, shape] of Object.entries(SHAPES)) {
    expect(store.shape(key)).toEqual(shape);
    expect(store.float32(key)).toEqual(VALUES);
  }
}

describe('the tensors of a checkpoint', () => {
  it.each(['F32', 'F16', 'BF16'] as const)('have the same values when they are kept as %s', (type) => {
    expectAll(opened(write('model.safetensors', type)));
  });

  it('have the same values when every tensor has a type of its own', () => {
    const path = join(folder, 'model.safetensors');
    const types = ['BF16', 'F32', 'F16'] as const;
    writeRawSafetensors(path, new Map(Object.entries(SHAPES).map(([key, shape], i) => [key, raw(types[i]!, shape)])));
    expectAll(opened(path));
  });

  it('have the same values when they are in several files behind an index', () => {
    write('model-00001-of-00002.safetensors', 'BF16', ['c', 'a']);
    write('model-00002-of-00002.safetensors', 'F16', ['b']);
    const weight_map = {
      a: 'model-00001-of-00002.safetensors',
      b: 'model-00002-of-00002.safetensors',
      c: 'model-00001-of-00002.safetensors',
    };
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }));
    const store = opened(join(folder, 'model.safetensors'));
    expectAll(store);
    expect(store.filePaths).toHaveLength(2);
  });

  it('are those of the whole file where there is an index too', () => {
    const path = write('model.safetensors', 'F32');
    writeFileSync(join(folder, 'model.safetensors.index.json'), '{"weight_map": {"a": "elsewhere.safetensors"}}');
    expectAll(opened(path));
  });

  it('are read as they were written', () => {
    const path = join(folder, 'written.safetensors');
    writeSafetensors(
      path,
      Object.entries(SHAPES).map(([key, shape]) => ({ key, shape, produce: () => VALUES })),
    );
    expectAll(opened(path));
  });

  it('may be empty, or nothing but metadata', () => {
    const path = join(folder, 'model.safetensors');
    writeRawSafetensors(path, new Map([['none', f32Tensor([0, 4], new Float32Array())]]), (header) => {
      Object.assign(header, { __metadata__: { format: 'pt' } });
    });
    const store = opened(path);
    expect(store.keys).toEqual(['none']);
    expect(store.float32('none')).toHaveLength(0);
  });

  it('may hold types that nobody asks for', () => {
    const path = join(folder, 'model.safetensors');
    const flags = { dtype: 'BOOL', shape: [3], bytes: new Uint8Array(3) };
    writeRawSafetensors(path, new Map([['flags', flags], ...Object.entries({ a: raw('F32', [60]) })]));
    const store = opened(path);
    expect(store.float32('a')).toEqual(VALUES);
    expect(() => store.float32('flags')).toThrow('flags: found values of type BOOL, expected one of F32, F16, BF16');
  });

  it('are integers where integers are asked for', () => {
    const path = join(folder, 'model.safetensors');
    const of = (dtype: string, values: ArrayBufferView) =>
      [dtype, { dtype, shape: [3], bytes: new Uint8Array(values.buffer) }] as const;
    const tensors = [
      of('I32', Int32Array.of(-1, 0, 7)),
      of('I64', BigInt64Array.of(-1n, 0n, 7n)),
      of('U8', Uint8Array.of(1, 0, 7)),
      of('F32', Float32Array.of(1, 0, 7)),
    ];
    writeRawSafetensors(path, new Map(tensors));
    const store = opened(path);
    expect([...store.integers('I32')]).toEqual([-1, 0, 7]);
    expect([...store.integers('I64')]).toEqual([-1, 0, 7]);
    expect([...store.integers('U8')]).toEqual([1, 0, 7]);
    expect(() => store.integers('F32')).toThrow('F32: F32 where integers are expected');
    expect(() => store.integers('U16')).toThrow(expect.objectContaining({ code: 'CHECKPOINT_TENSOR_MISSING' }));
  });
});
