import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { z } from 'zod';
import { GraphBuilder, type Value, WeightsFile } from '../../inference/runtime.ts';

/** A product of rows with a weight: [rowCount a call, inSize] · [inSize, outSize]. */
export interface WeightProduct {
  readonly rowCount: number;
  readonly inSize: number;
  readonly outSize: number;
}

const ProfileSchema = z.array(
  z.object({
    cat: z.string(),
    name: z.string(),
    args: z
      .object({
        op_name: z.string().optional(),
        input_type_shape: z.array(z.record(z.string(), z.array(z.number()))).optional(),
        output_type_shape: z.array(z.record(z.string(), z.array(z.number()))).optional(),
      })
      .loose(),
  }),
);

/**
 * Which products with weights a session ran, from the runtime's own profile of one step at batch 1. A weight is packed
 * when the session loads and so is no input of the profiled node: products of two inputs are attention, not weights.
 */
export function weightProducts(profilePath: string): WeightProduct[] {
  const events = ProfileSchema.parse(JSON.parse(readFileSync(profilePath, 'utf8')));
  const products: WeightProduct[] = [];
  for (const { cat, name, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || args.op_name !== 'MatMul') continue;
    const inputs = args.input_type_shape!.map((shape) => shape.float!);
    const output = args.output_type_shape![0]!.float!;
    if (inputs.length !== 1) continue;
    const inSize = inputs[0]!.at(-1)!;
    const rowCount = inputs[0]!.slice(0, -1).reduce((a, b) => a * b, 1);
    products.push({ rowCount, inSize, outSize: output.at(-1)! });
  }
  return products;
}

/** The bare products in a session of their own, with as many weights of the same sizes; and the same without products. */
export class BareProducts implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'parley-bare-'));
  readonly #products: readonly WeightProduct[];
  readonly #threadCount: number;

  constructor(products: readonly WeightProduct[], threadCount: number) {
    this.#products = products;
    this.#threadCount = threadCount;
  }

  /**
   * One session that only multiplies, and one that does everything else which that session needs (reading inputs,
   * keeping one number of each result): the difference is the products.
   */
  async load(): Promise<{ products: InferenceSession; rest: InferenceSession }> {
    return { products: await this.#session('products', true), rest: await this.#session('rest', false) };
  }

  feeds(batchSize: number): Record<string, Tensor> {
    const feeds: Record<string, Tensor> = {};
    for (const { rowCount, inSize } of this.#products) {
      const dims = [batchSize * rowCount, inSize];
      const values = Float32Array.from({ length: dims[0]! * inSize }, (_, i) => Math.sin(i));
      feeds[inputName(rowCount, inSize)] ??= new Tensor('float32', values, dims);
    }
    return feeds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #session(name: string, multiplies: boolean): Promise<InferenceSession> {
    const weights = new WeightsFile(join(this.#folder, `${name}.bin`));
    const graph = new GraphBuilder(weights);
    const inputs = new Map<string, Value>();
    const kept = this.#products.map(({ rowCount, inSize, outSize }, i) => {
      const input = inputName(rowCount, inSize);
      if (!inputs.has(input)) inputs.set(input, graph.input(input, 'float32', [`rows_${rowCount}`, inSize]));
      const weight = () =>
        Float32Array.from({ length: inSize * outSize }, (_, at) => Math.sin(at + i) / Math.sqrt(inSize));
      const x = inputs.get(input)!;
      const y = multiplies ? graph.op('MatMul', [x, graph.weight(`weight_${i}`, [inSize, outSize], weight)]) : x;
      return graph.op('Slice', [y, graph.int64s([0, 0]), graph.int64s([1, 1]), graph.int64s([0, 1])]);
    });
    graph.output('kept', graph.op('Concat', kept, { axis: 0 }), 'float32', ['kept', 1]);
    weights.close();
    const path = join(this.#folder, `${name}.onnx`);
    writeFileSync(path, graph.build(name));
    return InferenceSession.create(path, {
      intraOpNumThreads: this.#threadCount,
      interOpNumThreads: 1,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
  }
}

function inputName(rowCount: number, inSize: number): string {
  return `x_${rowCount}_${inSize}`;
}
