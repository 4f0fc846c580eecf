import { createRequire } from 'node:module';
import { inGb } from '../cache/kept-files.ts';
import { Checkpoint, type TranscriberPart } from '../checkpoint/checkpoint.ts';
import type { LmConfig } from '../checkpoint/config.ts';
import type { TextStream, Tokenizer } from '../checkpoint/tokenizer.ts';
import {
  type Engine,
  type EngineInfo,
  FRAME_SAMPLES,
  type SlotInput,
  type SlotOptions,
  type SlotOutput,
  type StepReport,
} from '../engine/engine.ts';
import { checkFrame } from '../engine/frame-check.ts';
import { InferenceError } from '../errors.ts';
import { graphBundle } from '../graph/bundle.ts';
import { TOP_K_MAX } from '../graph/sampler.ts';
import { Conditions } from './conditions.ts';
import { GraphRunner } from './graph-runner.ts';
import { openSlotState, type SlotState } from './slot.ts';
import { type RowOutput, Stepper } from './stepper.ts';

export interface MoshiEngineOptions {
  /** A checkpoint directory in Kyutai's layout. */
  readonly modelDirectory: string;
  readonly slotCount: number;
  /** Where graphs are kept between starts. */
  readonly cacheDirectory: string;
  /** Threads of one step; absent: every core. */
  readonly threadCount?: number;
  /** Told, in a line each, how loading goes on: a large checkpoint takes minutes the first time. */
  readonly tell?: (line: string) => void;
  /** Start of the path of a profile that the runtime writes, for benchmarks; absent: none. */
  readonly profilePrefix?: string;
}

const RUNTIME_VERSION = (createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string })
  .version;

/** The engine `moshi`: one ONNX graph from PCM to PCM, run once a step for all calls. */
export class MoshiEngine implements Engine {
  readonly info: EngineInfo;
  readonly #lm: LmConfig;
  readonly #tokenizer: Tokenizer;
  readonly #transcriber: Pick<TranscriberPart, 'lm' | 'tokenizer'> | undefined;
  readonly #conditions: Conditions;
  readonly #runner: GraphRunner;
  readonly #stepper: Stepper;
  readonly #slots: (SlotState | undefined)[];
  readonly #texts: (TextStream | undefined)[];
  readonly #transcripts: (TextStream | undefined)[];
  #lastReport: StepReport = { stepMs: 0, batchSize: 0 };

  private constructor(checkpoint: Checkpoint, hash: string, runner: GraphRunner, slotCount: number) {
    const { lm } = checkpoint.config;
    this.#lm = lm;
    this.#tokenizer = checkpoint.tokenizer;
    this.#conditions = new Conditions(lm, checkpoint.lm);
    this.#runner = runner;
    const { transcriber } = checkpoint;
    this.#transcriber = transcriber && { lm: transcriber.lm, tokenizer: transcriber.tokenizer };
    this.#stepper = new Stepper(runner, 'duplex', lm, slotCount, this.#transcriber?.lm);
    this.#slots = Array.from({ length: slotCount });
    this.#texts = Array.from({ length: slotCount });
    this.#transcripts = Array.from({ length: slotCount });
    this.info = {
      name: 'moshi',
      slotCount,
      checkpointHash: hash,
      provider: 'cpu',
      runtimeVersion: RUNTIME_VERSION,
      isUntrained: lm.isUntrained,
      hasTranscript: this.#transcriber !== undefined,
      agentCodebookCount: lm.agentCodebookCount,
      inputDim: lm.dim,
      topKMax: TOP_K_MAX,
      textVocabularySize: lm.textCard,
      codebookSize: lm.audioCard,
    };
  }

  /** @throws InferenceError `CHECKPOINT_*` where the directory does not hold a model that speaks, `CACHE_DISK_FULL` */
  static async load(options: MoshiEngineOptions): Promise<MoshiEngine> {
    const { modelDirectory, slotCount, cacheDirectory, tell = () => undefined } = options;
    const beganMs = performance.now();
    const checkpoint = new Checkpoint(modelDirectory);
    try {
      checkpoint.validate();
      if (checkpoint.config.lm.agentCodebookCount === 0) {
        throw new InferenceError(
          'CHECKPOINT_UNSUPPORTED',
          `${modelDirectory}: dep_q 0, a transcriber cannot answer a call`,
        );
      }
      tell(`Loading ${modelDirectory}: ${inGb(checkpoint.weightBytes)}`);
      const hash = await checkpoint.hash(cacheDirectory);
      const bundle = graphBundle('duplex', checkpoint, hash, cacheDirectory, tell);
      const runner = await GraphRunner.load(bundle, options);
      tell(`Loaded in ${((performance.now() - beganMs) / 1000).toFixed(1)} s`);
      return new MoshiEngine(checkpoint, hash, runner, slotCount);
    } finally {
      checkpoint.close();
    }
  }

  get lastReport(): StepReport {
    return this.#lastReport;
  }

  /** Nodes of the graph, each a dispatch of every step. */
  get nodeCount(): number {
    return this.#runner.nodeCount;
  }

  /** Bytes that passed through JavaScript in the last step, whatever the length of the contexts. */
  get hostBytesOfLastStep(): number {
    return this.#runner.hostBytes;
  }

  get stateBytesPerSlot(): number {
    return this.#runner.state.bytesPerSlot;
  }

  openSlot(slot: number, { seed, sampling, attributes }: SlotOptions): void {
    this.#demandSlot(slot);
    if (this.#slots[slot]) throw new InferenceError('SLOT_BUSY', `slot ${slot}`);
    const condition = this.#conditions.vector(attributes);
    this.#slots[slot] = openSlotState(this.#lm, seed, sampling, condition, this.#transcriber?.lm);
    this.#texts[slot] = this.#tokenizer.stream();
    this.#transcripts[slot] = this.#transcriber?.tokenizer.stream();
    this.#runner.state.reset(slot);
  }

  closeSlot(slot: number): void {
    this.#demandSlot(slot);
    this.#slots[slot] = undefined;
  }

  async step(inputs: readonly SlotInput[], batchSize = this.#fittingBatchSize()): Promise<readonly SlotOutput[]> {
    const startedMs = performance.now();
    this.#demandInputs(inputs, batchSize);
    if (inputs.length === 0) return [];
    const rows = new Map(inputs.map((input) => [input.slot, { slot: this.#slots[input.slot]!, input }]));
    const outputs = await this.#stepper.step(batchSize, rows);
    const results = inputs.map(({ slot }) => this.#result(slot, outputs.get(slot)!));
    this.#lastReport = { stepMs: performance.now() - startedMs, batchSize };
    return results;
  }

  /** Writes the profile that was asked for. */
  endProfiling(): void {
    this.#runner.endProfiling();
  }

  close(): Promise<void> {
    return this.#runner.close();
  }

  #result(slot: number, { text, transcript, pcm, isSound }: RowOutput): SlotOutput {
    const silence = () => new Float32Array(FRAME_SAMPLES);
    if (isSound) {
      return {
        slot,
        pcm: pcm ?? silence(),
        textToken: text,
        text: this.#texts[slot]!.add(text),
        ...(transcript !== undefined && { transcript: this.#transcripts[slot]!.add(transcript) }),
      };
    }
    // The call ends here, and nothing of its numbers is left for the slot's next user.
    this.#runner.state.wipe(slot);
    this.#slots[slot] = undefined;
    const heard = this.#transcriber && { transcript: '' };
    return { slot, pcm: silence(), textToken: this.#lm.textPaddingId, text: '', ...heard, fault: 'not-finite' };
  }

  /** The smallest power of two that holds every open slot: what idle rows cost grows with the batch on a CPU. */
  #fittingBatchSize(): number {
    const used = 1 + this.#slots.findLastIndex((slot) => slot !== undefined);
    return Math.min(this.info.slotCount, 2 ** Math.ceil(Math.log2(Math.max(1, used))));
  }

  #demandSlot(slot: number): void {
    if (Number.isInteger(slot) && slot >= 0 && slot < this.info.slotCount) return;
    throw new InferenceError('SLOT_UNKNOWN', `slot ${slot} of ${this.info.slotCount}`);
  }

  #demandInputs(inputs: readonly SlotInput[], batchSize: number): void {
    const { slotCount } = this.info;
    if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > slotCount) {
      throw new InferenceError('FRAME_INVALID', `batch of ${batchSize} with ${slotCount} slots`);
    }
    const seen = new Set<number>();
    for (const input of inputs) {
      const { slot } = input;
      this.#demandSlot(slot);
      if (!this.#slots[slot]) throw new InferenceError('SLOT_CLOSED', `slot ${slot}`);
      if (seen.has(slot)) throw new InferenceError('FRAME_INVALID', `slot ${slot}: a second frame in one step`);
      if (slot >= batchSize) throw new InferenceError('FRAME_INVALID', `slot ${slot}: outside a batch of ${batchSize}`);
      checkFrame(input, this.info);
      seen.add(slot);
    }
  }
}
