import type { LmConfig } from '../checkpoint/config.ts';
import type { Sampling } from '../engine/engine.ts';
import { InferenceError } from '../errors.ts';
import { candidatesOf, TOP_K_MAX } from '../graph/sampler.ts';
import { MASKED } from './host-state.ts';
import { TokenTimeline } from './token-timeline.ts';

/** Kyutai's defaults for a conversation. */
const DEFAULT_SAMPLING: Sampling = { textTemperature: 0.7, audioTemperature: 0.8, textTopK: 25, audioTopK: 250 };

/** What a step's samplers need to know of one row, for text or for audio. */
export interface RowSampler {
  readonly inverseTemperature: number;
  readonly rankMask: Float32Array;
  readonly lastRank: number;
}

/** One call's place in the batch: how it draws, what it adds to every input, and its tokens over time. */
export interface SlotState {
  readonly seed: bigint;
  readonly text: RowSampler;
  readonly audio: RowSampler;
  /** [dim] */
  readonly condition: Float32Array;
  readonly timeline: TokenTimeline;
  /** The transcriber's own tokens over time; absent where there is none. */
  readonly transcriber: TokenTimeline | undefined;
}

/**
 * @param transcriber beside the model, if there is one.
 * @throws InferenceError `SAMPLING_INVALID`
 */
export function openSlotState(
  lm: LmConfig,
  seed: bigint,
  sampling: Partial<Sampling> | undefined,
  condition: Float32Array,
  transcriber?: LmConfig,
): SlotState {
  const { textTemperature, audioTemperature, textTopK, audioTopK } = { ...DEFAULT_SAMPLING, ...sampling };
  return {
    seed,
    text: rowSampler('text', textTemperature, textTopK, lm.textCard),
    audio: rowSampler('audio', audioTemperature, audioTopK, lm.audioCard),
    condition,
    timeline: new TokenTimeline(lm),
    transcriber: transcriber && new TokenTimeline(transcriber),
  };
}

export function rowSampler(kind: string, temperature: number, topK: number, card: number): RowSampler {
  if (!(temperature >= 0) || !Number.isFinite(temperature)) {
    throw new InferenceError('SAMPLING_INVALID', `${kind} temperature ${temperature}`);
  }
  if (!Number.isInteger(topK) || topK < 1 || topK > TOP_K_MAX) {
    throw new InferenceError('SAMPLING_INVALID', `${kind} top-k ${topK}, not 1 to ${TOP_K_MAX}`);
  }
  const candidateCount = candidatesOf(card);
  const allowedCount = temperature === 0 ? 1 : Math.min(topK, candidateCount);
  return {
    inverseTemperature: temperature === 0 ? 1 : 1 / temperature,
    rankMask: Float32Array.from({ length: candidateCount }, (_, rank) => (rank < allowedCount ? 0 : MASKED)),
    lastRank: allowedCount - 1,
  };
}
