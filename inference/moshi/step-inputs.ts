import { Tensor } from 'onnxruntime-node';
import type { LmConfig } from '../checkpoint/config.ts';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { graphNames } from '../graph/graphs.ts';
import { candidatesOf, type SamplerKind, samplerInputs } from '../graph/sampler.ts';
import { transcriberNames } from '../graph/transcriber.ts';
import { uniform } from './random.ts';
import type { RowSampler, SlotState } from './slot.ts';
import type { TokenTimeline } from './token-timeline.ts';

type Feeds = Record<string, Tensor>;

/** What a row is given in a step beyond its slot's own state. */
export interface RowInput {
  /** [1920]; absent where the graph has no encoder. */
  readonly pcm?: Float32Array;
  readonly forcedText?: number | undefined;
  readonly forcedAudio?: Int32Array | undefined;
  readonly addToInput?: Float32Array | undefined;
  /** The caller's codes of this step, in place of those that an encoder finds or where the graph has none. */
  readonly userCodes?: Int32Array;
}

/**
 * A step's inputs that are not state, in memory that is used again for every step. Rows that do not run keep what they
 * had: their results are thrown away.
 */
export class StepInputs {
  readonly #lm: LmConfig;
  readonly #hasCodec: boolean;
  readonly #pcm: Float32Array;
  readonly #tokens: TokenRows;
  readonly #added: Float32Array;
  readonly #forcedText: Int32Array;
  readonly #forcedAudio: Int32Array;
  readonly #uniforms: Float32Array;
  readonly #decoderCodes: Int32Array;
  readonly #samplers: Record<SamplerKind, SamplerRows>;
  readonly #transcriber: TokenRows | undefined;
  readonly #feeds = new Map<number, Feeds>();

  /**
   * @param hasCodec false for a graph that is the language model alone.
   * @param transcriber of a graph that has one.
   */
  constructor(lm: LmConfig, slotCount: number, hasCodec: boolean, transcriber?: LmConfig) {
    this.#lm = lm;
    this.#hasCodec = hasCodec;
    this.#pcm = new Float32Array(slotCount * FRAME_SAMPLES);
    this.#tokens = new TokenRows(graphNames.tokenRows, lm, slotCount);
    this.#transcriber = transcriber && new TokenRows(transcriberNames.tokenRows, transcriber, slotCount);
    this.#added = new Float32Array(slotCount * lm.dim);
    this.#forcedText = new Int32Array(slotCount).fill(-1);
    this.#forcedAudio = new Int32Array(slotCount * lm.agentCodebookCount).fill(-1);
    this.#uniforms = new Float32Array(slotCount * (1 + lm.agentCodebookCount));
    this.#decoderCodes = new Int32Array(slotCount * lm.agentCodebookCount);
    this.#samplers = {
      text: new SamplerRows('text', lm.textCard, slotCount),
      audio: new SamplerRows('audio', lm.audioCard, slotCount),
    };
  }

  /** Fills the row of a slot that runs in this step. */
  set(row: number, slot: SlotState, input: RowInput): void {
    const { agentCodebookCount: agents, dim } = this.#lm;
    this.#tokens.set(row, slot.timeline, input.userCodes);
    if (slot.transcriber) this.#transcriber?.set(row, slot.transcriber, input.userCodes);
    if (input.pcm) this.#pcm.set(input.pcm, row * FRAME_SAMPLES);
    const added = this.#added.subarray(row * dim, (row + 1) * dim);
    added.set(slot.condition);
    if (input.addToInput) for (let i = 0; i < dim; i++) added[i]! += input.addToInput[i]!;
    this.#forcedText[row] = input.forcedText ?? -1;
    const forcedAudio = this.#forcedAudio.subarray(row * agents, (row + 1) * agents);
    if (input.forcedAudio) forcedAudio.set(input.forcedAudio);
    else forcedAudio.fill(-1);
    for (let choice = 0; choice <= agents; choice++) {
      this.#uniforms[row * (1 + agents) + choice] = uniform(slot.seed, slot.timeline.step, choice);
    }
    slot.timeline.decoderCodes(this.#decoderCodes.subarray(row * agents, (row + 1) * agents));
    this.#samplers.text.set(row, slot.text);
    this.#samplers.audio.set(row, slot.audio);
  }

  /** @returns the inputs of the first `batchSize` rows; views of this object's memory. */
  feeds(batchSize: number): Feeds {
    let feeds = this.#feeds.get(batchSize);
    if (!feeds) {
      feeds = this.#view(batchSize);
      this.#feeds.set(batchSize, feeds);
    }
    return feeds;
  }

  #view(batchSize: number): Feeds {
    const { agentCodebookCount: agents, dim } = this.#lm;
    const feeds: Feeds = {
      ...this.#tokens.view(batchSize),
      ...this.#transcriber?.view(batchSize),
      [graphNames.added]: rowsOf(this.#added, batchSize, dim),
      [graphNames.forcedText]: rowsOf(this.#forcedText, batchSize, 1),
      [graphNames.uniforms]: rowsOf(this.#uniforms, batchSize, 1 + agents),
      ...this.#samplers.text.view(batchSize),
    };
    if (this.#hasCodec) feeds[graphNames.pcm] = rowsOf(this.#pcm, batchSize, FRAME_SAMPLES);
    if (agents > 0) {
      feeds[graphNames.forcedAudio] = rowsOf(this.#forcedAudio, batchSize, agents);
      Object.assign(feeds, this.#samplers.audio.view(batchSize));
      if (this.#hasCodec) feeds[graphNames.decoderCodes] = rowsOf(this.#decoderCodes, batchSize, agents);
    }
    return feeds;
  }
}

/** What a model reads in a step: rows of its joint embedding table. */
class TokenRows {
  readonly #name: string;
  readonly #width: number;
  readonly #rows: Int32Array;

  constructor(name: string, { codebookCount }: LmConfig, rowCount: number) {
    this.#name = name;
    this.#width = 1 + codebookCount;
    this.#rows = new Int32Array(rowCount * this.#width);
  }

  set(row: number, timeline: TokenTimeline, userCodes: Int32Array | undefined): void {
    const rows = this.#rows.subarray(row * this.#width, (row + 1) * this.#width);
    timeline.inputRows(rows);
    if (userCodes) timeline.replaceEncoderRows(rows, userCodes);
  }

  view(batchSize: number): Feeds {
    return { [this.#name]: rowsOf(this.#rows, batchSize, this.#width) };
  }
}

class SamplerRows {
  readonly #kind: SamplerKind;
  readonly #candidateCount: number;
  readonly #inverseTemperature: Float32Array;
  readonly #rankMask: Float32Array;
  readonly #lastRank: Int32Array;

  constructor(kind: SamplerKind, card: number, rowCount: number) {
    this.#kind = kind;
    this.#candidateCount = candidatesOf(card);
    this.#inverseTemperature = new Float32Array(rowCount).fill(1);
    this.#rankMask = new Float32Array(rowCount * this.#candidateCount);
    this.#lastRank = new Int32Array(rowCount);
  }

  set(row: number, sampler: RowSampler): void {
    this.#inverseTemperature[row] = sampler.inverseTemperature;
    this.#rankMask.set(sampler.rankMask, row * this.#candidateCount);
    this.#lastRank[row] = sampler.lastRank;
  }

  view(batchSize: number): Feeds {
    return {
      [samplerInputs.inverseTemperature(this.#kind)]: rowsOf(this.#inverseTemperature, batchSize, 1),
      [samplerInputs.rankMask(this.#kind)]: rowsOf(this.#rankMask, batchSize, this.#candidateCount),
      [samplerInputs.lastRank(this.#kind)]: rowsOf(this.#lastRank, batchSize, 1),
    };
  }
}

function rowsOf(data: Float32Array | Int32Array, batchSize: number, width: number): Tensor {
  const view = data.subarray(0, batchSize * width);
  return view instanceof Float32Array
    ? new Tensor('float32', view, [batchSize, width])
    : new Tensor('int32', view, [batchSize, width]);
}
