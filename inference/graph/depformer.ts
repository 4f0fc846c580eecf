import type { DepformerConfig, LmConfig } from '../checkpoint/config.ts';
import type { Value } from '../onnx/graph-builder.ts';
import { linear, type PartContext } from './linear.ts';
import { gatedFeedForward, rmsNorm } from './temporal.ts';

/**
 * The depformer, unrolled: one step for each of the agent's codebooks, attending to the steps before it in this frame.
 *
 * @param hidden f32 [batch, 1, dim] of the temporal transformer.
 * @param textToken int32 [batch, 1], the token in use, sampled or forced.
 * @param choose turns the logits [batch, card] of step k into the code in use, int32 [batch, 1].
 * @returns logits [batch, card] and codes of every step.
 */
export function depformer(
  context: PartContext,
  lm: LmConfig & { readonly depformer: DepformerConfig },
  hidden: Value,
  textToken: Value,
  choose: (logits: Value, step: number) => Value,
): { logits: Value[]; codes: Value[] } {
  const { graph, weights } = context;
  const { dim, stepCount, layerCount } = lm.depformer;
  const caches: LayerCache[] = Array.from({ length: layerCount }, () => ({ keys: [], values: [] }));
  const logits: Value[] = [];
  const codes: Value[] = [];
  for (let step = 0; step < stepCount; step++) {
    const set = lm.depformer.weightSets[step]!;
    const tableKey = step === 0 ? 'depformer_text_emb.weight' : `depformer_emb.${step - 1}.weight`;
    const rowCount = (step === 0 ? lm.textCard : lm.audioCard) + 1;
    const table = graph.weight(tableKey, [rowCount, dim], () => weights.embedding(tableKey));
    const embedded = graph.op('Gather', [table, step === 0 ? textToken : codes[step - 1]!]);
    let x = graph.op('Add', [linear(context, hidden, `depformer_in.${set}.weight`, [dim, lm.dim]), embedded]);
    for (let i = 0; i < layerCount; i++) x = layer(context, lm, x, i, set, caches[i]!);
    const output = linear(context, x, `linears.${step}.weight`, [lm.audioCard, dim]);
    logits.push(graph.op('Reshape', [output, graph.int64s([0, lm.audioCard])]));
    codes.push(choose(logits[step]!, step));
  }
  return { logits, codes };
}

/** Keys and values [batch, 1, dim] of the frame's earlier steps. */
interface LayerCache {
  readonly keys: Value[];
  readonly values: Value[];
}

function layer(
  context: PartContext,
  lm: LmConfig & { readonly depformer: DepformerConfig },
  x: Value,
  index: number,
  set: number,
  cache: LayerCache,
): Value {
  const { graph } = context;
  const { dim } = lm.depformer;
  const key = `depformer.layers.${index}`;
  const normed = rmsNorm(context, x, `${key}.norm1.alpha`, dim, lm.normEpsilon);
  const attended = attention(context, lm.depformer, normed, `${key}.self_attn`, set, cache);
  const afterAttention = graph.op('Add', [x, attended]);
  const gateInput = rmsNorm(context, afterAttention, `${key}.norm2.alpha`, dim, lm.normEpsilon);
  return graph.op('Add', [afterAttention, gatedFeedForward(context, gateInput, `${key}.gating.${set}`, dim)]);
}

function attention(
  context: PartContext,
  { dim, headCount }: DepformerConfig,
  x: Value,
  key: string,
  set: number,
  cache: LayerCache,
): Value {
  const { graph, weights } = context;
  // The file stacks the sets of weights on the first axis; graphs name each set's share by itself.
  const share = (name: string, rowCount: number) => () =>
    weights.tensor(`${key}.${name}`).subarray(set * rowCount * dim, (set + 1) * rowCount * dim);
  const shareOf = (name: string, rowCount: number, input: Value) =>
    linear(context, input, `${key}.${name}.${set}`, [rowCount, dim], share(name, rowCount));
  const projected = shareOf('in_proj_weight', 3 * dim, x);
  const [query, keys, values] = graph.ops('Split', [projected], { axis: 2, num_outputs: 3 }, 3) as [
    Value,
    Value,
    Value,
  ];
  cache.keys.push(keys);
  cache.values.push(values);
  // The first step sees itself alone: its mixture is its own value.
  let mixed = values;
  if (cache.keys.length > 1) {
    const [allKeys, allValues] = [cache.keys, cache.values].map((parts) => graph.op('Concat', parts, { axis: 1 }));
    mixed = graph.runtimeOp('MultiHeadAttention', [query, allKeys!, allValues!], { num_heads: headCount });
  }
  return shareOf('out_proj.weight', dim, mixed);
}
