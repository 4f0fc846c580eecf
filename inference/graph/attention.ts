import type { Value } from '../onnx/graph-builder.ts';
import { linear, type PartContext, scaleRows } from './linear.ts';
import type { Ring } from './state.ts';

/**
 * Self-attention over a ring and the positions of this step: x [batch, T, dim] → [batch, T, dim], before the output
 * projection.
 *
 * Ring and new positions are scored apart and only their scores are joined, so that no ring is ever copied. Keys are
 * rotated when written, so the order in which a ring holds them does not matter.
 *
 * @param key prefix of the layer's `self_attn` tensors.
 */
export function ringAttention(context: PartContext, ring: Ring, layerIndex: number, x: Value, key: string): Value {
  const { graph } = context;
  const { headCount: H, headDim: D, positionsPerStep: T } = ring.spec;
  const dim = H * D;
  // The scale of the scores is folded into the queries' weights: rotation keeps lengths.
  const projected = linear(context, x, `${key}.in_proj_weight`, [3 * dim, dim], () =>
    scaleRows(context.weights.tensor(`${key}.in_proj_weight`), dim, (row) => (row < dim ? 1 / Math.sqrt(D) : 1)),
  );
  const [unrotated, values] = graph.ops('Split', [projected, graph.int64s([2 * dim, dim])], { axis: 2 }, 2) as [
    Value,
    Value,
  ];
  const rotated = graph.runtimeOp('RotaryEmbedding', [unrotated, ring.positionIds, ring.cosines, ring.sines], {
    interleaved: 1,
  });
  const [queries, keys] = graph.ops('Split', [rotated, graph.int64s([dim, dim])], { axis: 2 }, 2) as [Value, Value];
  ring.keep(keys, values);

  const past = ring.layer(layerIndex);
  const q = heads(context, queries, [0, T, H, 1, D], [0, 2, 1, 3, 4]);
  const newKeys = heads(context, keys, [0, T, H, 1, D], [0, 2, 3, 4, 1]);
  const newValues = heads(context, values, [0, T, H, 1, D], [0, 2, 3, 1, 4]);
  const scores = graph.op('Concat', [graph.op('MatMul', [q, past.keys]), graph.op('MatMul', [q, newKeys])], {
    axis: 4,
  });
  const weights = graph.op('Softmax', [graph.op('Add', [scores, ring.mask])], { axis: 4 });
  const sizes = graph.int64s([ring.spec.context, T]);
  const [pastWeights, newWeights] = graph.ops('Split', [weights, sizes], { axis: 4 }, 2) as [Value, Value];
  const mixed = graph.op('Add', [
    graph.op('MatMul', [pastWeights, past.values]),
    graph.op('MatMul', [newWeights, newValues]),
  ]);
  const byPosition = T === 1 ? mixed : graph.op('Transpose', [mixed], { perm: [0, 2, 1, 3, 4] });
  return graph.op('Reshape', [byPosition, graph.int64s([0, T, dim])]);
}

/** Reshapes [batch, T, dim] and moves the axes; with one position the move is a reshape too. */
function heads({ graph }: PartContext, x: Value, shape: readonly number[], perm: readonly number[]): Value {
  if (shape[1] === 1) return graph.op('Reshape', [x, graph.int64s(perm.map((axis) => shape[axis]!))]);
  return graph.op('Transpose', [graph.op('Reshape', [x, graph.int64s(shape)])], { perm });
}
