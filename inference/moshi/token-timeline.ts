import type { LmConfig } from '../checkpoint/config.ts';
import { embeddingRows } from '../graph/temporal.ts';

/** In a step's input: the code that the encoder finds in this very step. */
export const FROM_ENCODER = -1;
/** In a step's decoder codes: the code that this very step produces. */
export const FROM_THIS_STEP = -1;
/** Token whose embedding is all zeros. */
const ZERO_TOKEN = -1;

/** What a step produced, or had forced upon it. */
export interface StepTokens {
  readonly text: number;
  readonly audio: ArrayLike<number>;
  readonly userCodes: ArrayLike<number>;
}

/**
 * Which token of every stream a step reads and which leave it, given each stream's delay: the token cache of Kyutai's
 * LMGen, for one slot. Step o reads position o; what it produces is read at o + 1; a caller's code lags by its delay.
 */
export class TokenTimeline {
  readonly #lm: LmConfig;
  readonly #maxDelay: number;
  readonly #columnCount: number;
  /** [1 + codebooks, columns]: the streams' last tokens, by position modulo the columns. */
  readonly #tokens: Int32Array;
  readonly #codebookStarts: readonly number[];
  readonly #zeroRow: number;
  #step = 0;

  constructor(lm: LmConfig) {
    this.#lm = lm;
    this.#maxDelay = Math.max(...lm.delays);
    this.#columnCount = this.#maxDelay + 2;
    this.#tokens = new Int32Array((1 + lm.codebookCount) * this.#columnCount);
    const { codebookStart, zeroRow } = embeddingRows(lm);
    this.#codebookStarts = Array.from({ length: lm.codebookCount }, (_, i) => codebookStart(i));
    this.#zeroRow = zeroRow;
  }

  /** Steps since the slot began; the next step's number. */
  get step(): number {
    return this.#step;
  }

  /** True when the next step's output holds a frame of audio and text: once the longest delay has passed. */
  get emits(): boolean {
    return this.#step + 1 > this.#maxDelay;
  }

  reset(): void {
    this.#step = 0;
  }

  /** @param rows [1 + codebooks], filled with rows of the joint embedding table, or FROM_ENCODER. */
  inputRows(rows: Int32Array): void {
    const firstUser = 1 + this.#lm.agentCodebookCount;
    for (let stream = 0; stream <= this.#lm.codebookCount; stream++) {
      const delay = this.#lm.delays[stream]!;
      const isInitial = this.#step <= delay;
      if (!isInitial && stream >= firstUser && delay === 0) rows[stream] = FROM_ENCODER;
      else rows[stream] = this.#row(stream, isInitial ? this.#initialToken(stream) : this.#token(stream, this.#step));
    }
  }

  /** Puts the caller's codes of this step where `rows` asks the encoder for them. */
  replaceEncoderRows(rows: Int32Array, userCodes: Int32Array): void {
    const firstUser = 1 + this.#lm.agentCodebookCount;
    for (let stream = firstUser; stream < rows.length; stream++) {
      if (rows[stream] === FROM_ENCODER) rows[stream] = this.#row(stream, userCodes[stream - firstUser]!);
    }
  }

  /** @param codes [agent codebooks], filled with the codes to decode after the next step, or FROM_THIS_STEP. */
  decoderCodes(codes: Int32Array): void {
    for (let i = 0; i < codes.length; i++) {
      const position = this.#emittedPosition(1 + i);
      if (!this.emits) codes[i] = 0;
      else codes[i] = position === this.#step + 1 ? FROM_THIS_STEP : this.#token(1 + i, position);
    }
  }

  /**
   * Takes over what the step produced and goes on.
   *
   * @returns the frame that leaves, text first, then the agent's codes; undefined while the delay fills.
   */
  advance({ text, audio, userCodes }: StepTokens): Int32Array | undefined {
    const { agentCodebookCount, userCodebookCount, delays } = this.#lm;
    const emits = this.emits;
    this.#put(0, this.#step + 1, text);
    for (let i = 0; i < agentCodebookCount; i++) this.#put(1 + i, this.#step + 1, audio[i]!);
    for (let i = 0; i < userCodebookCount; i++) {
      const stream = 1 + agentCodebookCount + i;
      this.#put(stream, this.#step + delays[stream]!, userCodes[i]!);
    }
    const emitted = emits
      ? Int32Array.from({ length: 1 + agentCodebookCount }, (_, stream) =>
          this.#token(stream, this.#emittedPosition(stream)),
        )
      : undefined;
    this.#step += 1;
    return emitted;
  }

  /** Position of `stream` that leaves with the step which is about to be, or is being, made. */
  #emittedPosition(stream: number): number {
    return this.#step + 1 - this.#maxDelay + this.#lm.delays[stream]!;
  }

  #initialToken(stream: number): number {
    return stream === 0 ? this.#lm.textCard : this.#lm.audioCard;
  }

  #row(stream: number, token: number): number {
    if (token === ZERO_TOKEN) return this.#zeroRow;
    return stream === 0 ? token : this.#codebookStarts[stream - 1]! + token;
  }

  #token(stream: number, position: number): number {
    return this.#tokens[stream * this.#columnCount + (position % this.#columnCount)]!;
  }

  #put(stream: number, position: number, token: number): void {
    this.#tokens[stream * this.#columnCount + (position % this.#columnCount)] = token;
  }
}
