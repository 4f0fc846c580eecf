import type { MimiConfig } from '../checkpoint/config.ts';
import { codebookKey } from '../checkpoint/expected-tensors.ts';
import type { Value } from '../onnx/graph-builder.ts';
import { type PartContext, transpose } from './linear.ts';

// Split residual quantiser: the semantic codebook and the acoustic ones each project the same latent, and only inside
// the acoustic branch does a codebook code what the one before left over.

/** latent [batch, 1, latent] → int32 codes [batch, codebookCount]. */
export function quantize(context: PartContext, mimi: MimiConfig, latent: Value, codebookCount: number): Value {
  const { graph, weights } = context;
  const { codeDim, latentDim } = mimi;
  const projection = graph.weight('quantizer.input_proj.weight', [latentDim, 2 * codeDim], () => {
    const stacked = new Float32Array(2 * codeDim * latentDim);
    stacked.set(weights.tensor('quantizer.rvq_first.input_proj.weight'));
    stacked.set(weights.tensor('quantizer.rvq_rest.input_proj.weight'), codeDim * latentDim);
    return transpose(stacked, 2 * codeDim, latentDim);
  });
  const projected = graph.op('MatMul', [latent, projection]);
  const sizes = graph.int64s([codeDim, codeDim]);
  const [semantic, acoustic] = graph.ops('Split', [projected, sizes], { axis: 2 }, 2) as [Value, Value];
  const codes = [nearest(context, mimi, semantic, 0)];
  let residual = acoustic;
  for (let i = 1; i < codebookCount; i++) {
    const code = nearest(context, mimi, residual, i);
    codes.push(code);
    if (i < codebookCount - 1) residual = graph.op('Sub', [residual, centroid(context, mimi, code, i)]);
  }
  const all = codes.length === 1 ? codes[0]! : graph.op('Concat', codes, { axis: 1 });
  return graph.op('Cast', [all], { to: 6 });
}

/** int32 codes [batch, codebookCount] → latent [batch, 1, latent]. */
export function summedCentroids(context: PartContext, mimi: MimiConfig, codes: Value, codebookCount: number): Value {
  const { graph, weights } = context;
  const { codeDim, latentDim } = mimi;
  const columns = graph.ops('Split', [codes], { axis: 1, num_outputs: codebookCount }, codebookCount);
  const centroids = columns.map((code, i) => centroid(context, mimi, code, i));
  const semantic = centroids[0]!;
  const acoustic = centroids.length > 1 ? graph.op('Sum', centroids.slice(1)) : graph.op('Sub', [semantic, semantic]);
  const projection = graph.weight('quantizer.output_proj.weight', [2 * codeDim, latentDim], () => {
    const stacked = new Float32Array(2 * codeDim * latentDim);
    stacked.set(transpose(weights.tensor('quantizer.rvq_first.output_proj.weight'), latentDim, codeDim));
    stacked.set(
      transpose(weights.tensor('quantizer.rvq_rest.output_proj.weight'), latentDim, codeDim),
      codeDim * latentDim,
    );
    return stacked;
  });
  return graph.op('MatMul', [graph.op('Concat', [semantic, acoustic], { axis: 2 }), projection]);
}

/** The nearest centroid c of x maximises 2·x·c − |c|²: int64 [batch, 1]. */
function nearest({ graph, weights }: PartContext, { codeDim, binCount }: MimiConfig, x: Value, index: number): Value {
  const key = codebookKey(index);
  const doubled = graph.weight(`${key}.doubled`, [codeDim, binCount], () =>
    transpose(
      weights.centroids(key).map((value) => 2 * value),
      binCount,
      codeDim,
    ),
  );
  const minusNorms = graph.weight(`${key}.minus_norms`, [binCount], () => {
    const centroids = weights.centroids(key);
    return Float32Array.from({ length: binCount }, (_, bin) => {
      const row = centroids.subarray(bin * codeDim, (bin + 1) * codeDim);
      return -row.reduce((sum, value) => sum + value * value, 0);
    });
  });
  return graph.op('ArgMax', [graph.op('Add', [graph.op('MatMul', [x, doubled]), minusNorms])], {
    axis: 2,
    keepdims: 0,
  });
}

/** [batch, 1] codes → [batch, 1, codeDim]. */
function centroid(
  { graph, weights }: PartContext,
  { codeDim, binCount }: MimiConfig,
  code: Value,
  index: number,
): Value {
  const key = codebookKey(index);
  return graph.op('Gather', [
    graph.weight(`${key}.centroids`, [binCount, codeDim], () => weights.centroids(key)),
    code,
  ]);
}
