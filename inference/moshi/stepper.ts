import type { Tensor } from 'onnxruntime-node';
import type { LmConfig } from '../checkpoint/config.ts';
import { graphNames } from '../graph/graphs.ts';
import { transcriberNames } from '../graph/transcriber.ts';
import type { GraphRunner } from './graph-runner.ts';
import type { SlotState } from './slot.ts';
import { type RowInput, StepInputs } from './step-inputs.ts';

/** What one row gave in a step. The arrays belong to the receiver. */
export interface RowOutput {
  /** Text token in use, sampled or forced. */
  readonly text: number;
  /** Text token of what the caller says; undefined without a transcriber. */
  readonly transcript: number | undefined;
  /** The caller's codes that the encoder found. */
  readonly userCodes: Int32Array;
  /** The frame that leaves, text first, then the agent's codes; undefined while the acoustic delay fills. */
  readonly emitted: Int32Array | undefined;
  /** [1920], decoded from what is emitted. */
  readonly pcm: Float32Array | undefined;
  /** [heads, classes] of a checkpoint that has extra heads. */
  readonly extraHeads: Float32Array | undefined;
  /** False once the row's state or sound is no number any more: it must not be stepped again before it is wiped. */
  readonly isSound: boolean;
}

const NO_CODES = new Int32Array(0);

/** Steps a graph of kind `duplex` or `lm` with each row's tokens over time: the model without the calls. */
export class Stepper {
  readonly #runner: GraphRunner;
  readonly #inputs: StepInputs;

  /** @param transcriber of a `duplex` graph that has one. */
  constructor(runner: GraphRunner, kind: 'duplex' | 'lm', lm: LmConfig, slotCount: number, transcriber?: LmConfig) {
    this.#runner = runner;
    this.#inputs = new StepInputs(lm, slotCount, kind === 'duplex', transcriber);
  }

  /**
   * One run of the graph.
   *
   * @param rows the rows that run, with their slots; the others keep their state.
   * @returns what each running row gave, by row.
   */
  async step(
    batchSize: number,
    rows: ReadonlyMap<number, { readonly slot: SlotState; readonly input: RowInput }>,
  ): Promise<Map<number, RowOutput>> {
    for (const [row, { slot, input }] of rows) this.#inputs.set(row, slot, input);
    const { outputs, brokenRows } = await this.#runner.run(batchSize, this.#inputs.feeds(batchSize), (clock, row) => {
      const slot = rows.get(row)?.slot;
      return slot !== undefined && (clock !== 'decoder' || slot.timeline.emits);
    });
    const results = new Map<number, RowOutput>();
    for (const [row, { slot, input }] of rows) {
      results.set(row, rowOutput(row, slot, input, outputs, brokenRows.has(row)));
    }
    return results;
  }
}

function rowOutput(
  row: number,
  { timeline, transcriber }: SlotState,
  input: RowInput,
  outputs: Readonly<Record<string, Tensor>>,
  isBroken: boolean,
): RowOutput {
  const integers = (name: string) => rowOf(outputs[name], row) as Int32Array | undefined;
  const floats = (name: string) => rowOf(outputs[name], row) as Float32Array | undefined;
  const text = integers(graphNames.text)![0]!;
  const userCodes = input.userCodes ?? integers(graphNames.userCodes)!.slice();
  const transcript = integers(transcriberNames.token)?.[0];
  if (transcript !== undefined) transcriber!.advance({ text: transcript, audio: NO_CODES, userCodes });
  const pcm = timeline.emits ? floats(graphNames.decoded)?.slice() : undefined;
  const emitted = timeline.advance({ text, audio: integers(graphNames.audio) ?? NO_CODES, userCodes });
  const isSound = !isBroken && (pcm === undefined || pcm.every(Number.isFinite));
  return { text, transcript, userCodes, emitted, pcm, extraHeads: floats(graphNames.extraHeads)?.slice(), isSound };
}

function rowOf(tensor: Tensor | undefined, row: number): Float32Array | Int32Array | undefined {
  if (!tensor) return undefined;
  const data = tensor.data as Float32Array | Int32Array;
  const width = data.length / tensor.dims[0]!;
  return data.subarray(row * width, (row + 1) * width);
}
