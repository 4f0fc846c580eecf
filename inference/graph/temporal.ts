import type { LmConfig } from '../checkpoint/config.ts';
import type { Value } from '../onnx/graph-builder.ts';
import { ringAttention } from './attention.ts';
import { linear, type PartContext, partWeight } from './linear.ts';
import type { Clock, GraphState } from './state.ts';

/** Rows of the joint embedding table in order: text, then each codebook, then one row of zeros. */
export function embeddingRows(lm: LmConfig): {
  readonly textStart: 0;
  codebookStart(index: number): number;
  readonly zeroRow: number;
} {
  const codebookStart = (index: number) => lm.textCard + 1 + index * (lm.audioCard + 1);
  return { textStart: 0, codebookStart, zeroRow: codebookStart(lm.codebookCount) };
}

/**
 * One position of the temporal transformer.
 *
 * @param tokenRows int32 [batch, 1 + codebooks]: a row of the joint embedding table for every stream.
 * @param clock name of its ring, whose positions go on with it.
 * @param added f32 [batch, dim], added to the summed embeddings: conditions and whatever else the host adds.
 * @returns hidden [batch, 1, dim] after the output norm.
 */
export function temporalTransformer(
  context: PartContext,
  state: GraphState,
  clock: Clock,
  lm: LmConfig,
  tokenRows: Value,
  added?: Value,
): Value {
  const { graph } = context;
  const { dim, layerCount, headCount } = lm;
  const embedded = graph.op('Gather', [embeddingTable(context, lm), tokenRows]);
  // One by one, in the reference's order, text last: ReduceSum adds a single row in another order than several, and the
  // bits would depend on the batch.
  const streamCount = 1 + lm.codebookCount;
  const [text, ...audio] = graph.ops('Split', [embedded], { axis: 1, num_outputs: streamCount }, streamCount);
  const summed = graph.op('Sum', [...audio, text!]);
  let x = added ? graph.op('Add', [summed, graph.op('Reshape', [added, graph.int64s([0, 1, dim])])]) : summed;
  const ring = state.ring({
    name: clock,
    layerCount,
    headCount,
    headDim: dim / headCount,
    context: lm.context,
    positionsPerStep: 1,
    maxPeriod: lm.maxPeriod,
  });
  for (let i = 0; i < layerCount; i++) {
    const layer = `transformer.layers.${i}`;
    const normed = rmsNorm(context, x, `${layer}.norm1.alpha`, dim, lm.normEpsilon);
    const attended = ringAttention(context, ring, i, normed, `${layer}.self_attn`);
    x = graph.op('Add', [x, linear(context, attended, `${layer}.self_attn.out_proj.weight`, [dim, dim])]);
    const gateInput = rmsNorm(context, x, `${layer}.norm2.alpha`, dim, lm.normEpsilon);
    x = graph.op('Add', [x, gatedFeedForward(context, gateInput, `${layer}.gating`, dim)]);
  }
  return rmsNorm(context, x, 'out_norm.alpha', dim, lm.normEpsilon);
}

/** Logits of the text token: hidden [batch, 1, dim] → [batch, textCard]. */
export function textLogits(context: PartContext, lm: LmConfig, hidden: Value): Value {
  const logits = linear(context, hidden, 'text_linear.weight', [lm.textCard, lm.dim]);
  return context.graph.op('Reshape', [logits, context.graph.int64s([0, lm.textCard])]);
}

/** Probabilities of the extra heads, such as a transcriber's pauses: [batch, heads, classes]. */
export function extraHeads(context: PartContext, lm: LmConfig, hidden: Value): Value {
  const { graph } = context;
  const heads = Array.from({ length: lm.extraHeadCount }, (_, i) => {
    const logits = linear(context, hidden, `extra_heads.${i}.weight`, [lm.extraHeadDim, lm.dim]);
    return graph.op('Softmax', [logits], { axis: 2 });
  });
  return graph.op('Concat', heads, { axis: 1 });
}

export function rmsNorm(context: PartContext, x: Value, key: string, dim: number, epsilon: number): Value {
  const scale = partWeight(context, key, [dim], () => context.weights.tensor(key));
  return context.graph.op('SimplifiedLayerNormalization', [x, scale], { axis: -1, epsilon: { float: epsilon } });
}

/** SiLU-gated feed-forward; its hidden size is the file's own. */
export function gatedFeedForward(context: PartContext, x: Value, key: string, dim: number): Value {
  const { graph, weights } = context;
  const hidden = weights.shape(`${key}.linear_out.weight`)[1]!;
  const both = linear(context, x, `${key}.linear_in.weight`, [2 * hidden, dim]);
  const [gate, value] = graph.ops('Split', [both, graph.int64s([hidden, hidden])], { axis: 2 }, 2) as [Value, Value];
  // x · sigmoid(x) is QuickGelu with alpha 1.
  const gated = graph.op('Mul', [graph.runtimeOp('QuickGelu', [gate], { alpha: { float: 1 } }), value]);
  return linear(context, gated, `${key}.linear_out.weight`, [dim, hidden]);
}

function embeddingTable(context: PartContext, lm: LmConfig): Value {
  const { weights } = context;
  const { codebookStart, zeroRow } = embeddingRows(lm);
  return partWeight(context, 'emb.joint', [zeroRow + 1, lm.dim], () => {
    const table = new Float32Array((zeroRow + 1) * lm.dim);
    table.set(weights.embedding('text_emb.weight'));
    for (let i = 0; i < lm.codebookCount; i++)
      table.set(weights.embedding(`emb.${i}.weight`), codebookStart(i) * lm.dim);
    return table;
  });
}
