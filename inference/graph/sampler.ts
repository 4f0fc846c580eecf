import type { GraphBuilder, Value } from '../onnx/graph-builder.ts';

/** Most candidates that a choice is drawn from. */
export const TOP_K_MAX = 256;

/** Names and shapes of what the host says about one kind of choice, text or audio, for every row. */
export const samplerInputs = {
  /** f32 [batch, 1]: 1 / temperature; 1 for argmax. */
  inverseTemperature: (kind: SamplerKind) => `${kind}.inverse_temperature`,
  /** f32 [batch, K]: 0 for ranks that may be drawn, very negative for the others. */
  rankMask: (kind: SamplerKind) => `${kind}.rank_mask`,
  /** int32 [batch, 1]: the last rank that may be drawn. */
  lastRank: (kind: SamplerKind) => `${kind}.last_rank`,
} as const;

export type SamplerKind = 'text' | 'audio';

export interface Sampler {
  /** Logits [batch, card] and uniform numbers in [0, 1), f32 [batch, 1] → drawn tokens, int32 [batch, 1]. */
  sample(logits: Value, uniform: Value): Value;
}

/**
 * Draws by inverse distribution over the most likely tokens, in order of likelihood, equals by their number.
 *
 * @param card tokens there are to choose from.
 */
export function declareSampler(graph: GraphBuilder, kind: SamplerKind, card: number): Sampler {
  const candidateCount = candidatesOf(card);
  const inverseTemperature = graph.input(samplerInputs.inverseTemperature(kind), 'float32', ['batch', 1]);
  const rankMask = graph.input(samplerInputs.rankMask(kind), 'float32', ['batch', candidateCount]);
  const lastRank = graph.input(samplerInputs.lastRank(kind), 'int32', ['batch', 1]);
  return {
    sample: (logits, uniform) => {
      const scaled = graph.op('Mul', [logits, inverseTemperature]);
      const k = graph.int64s([candidateCount]);
      const [best, tokens] = graph.ops('TopK', [scaled, k], { axis: 1, largest: 1, sorted: 1 }, 2) as [Value, Value];
      const probabilities = graph.op('Softmax', [graph.op('Add', [best, rankMask])], { axis: 1 });
      const cumulative = graph.op('CumSum', [probabilities, graph.int64s([1], [])]);
      const isPassed = graph.op('LessOrEqual', [cumulative, uniform]);
      const passedCount = graph.op('ReduceSum', [graph.op('Cast', [isPassed], { to: 6 }), graph.int64s([1])], {
        keepdims: 1,
      });
      // The sum of all may round to less than the uniform number: then the last allowed rank is meant.
      const rank = graph.op('Min', [passedCount, lastRank]);
      return graph.op('Cast', [graph.op('GatherElements', [tokens, rank], { axis: 1 })], { to: 6 });
    },
  };
}

export function candidatesOf(card: number): number {
  return Math.min(card, TOP_K_MAX);
}
