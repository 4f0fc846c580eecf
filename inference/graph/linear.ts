import type { Weights } from '../checkpoint/weights.ts';
import type { GraphBuilder, Value } from '../onnx/graph-builder.ts';

/** What every part of a graph is built from: the graph, and the tensors of the checkpoint's file that the part is in. */
export interface PartContext {
  readonly graph: GraphBuilder;
  readonly weights: Weights;
  /** Before the names of weights in the graph, so that two models of the same layout can be in one; absent: nothing. */
  readonly prefix?: string;
}

/** A weight of the part; `graph.weight` under the part's prefix. */
export function partWeight(
  { graph, prefix = '' }: PartContext,
  key: string,
  shape: readonly number[],
  produce: () => Float32Array,
): Value {
  return graph.weight(`${prefix}${key}`, shape, produce);
}

/** @param matrix [rows, columns], row-major. @returns [columns, rows]. */
export function transpose(matrix: Float32Array, rowCount: number, columnCount: number): Float32Array<ArrayBuffer> {
  const turned = new Float32Array(matrix.length);
  for (let row = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column++) {
      turned[column * rowCount + row] = matrix[row * columnCount + column]!;
    }
  }
  return turned;
}

/** Multiplies row i of a matrix [rows, columns] by `factor(i)`, in place. */
export function scaleRows(matrix: Float32Array, columnCount: number, factor: (row: number) => number): Float32Array {
  for (let i = 0; i < matrix.length; i++) matrix[i] = matrix[i]! * factor(Math.floor(i / columnCount));
  return matrix;
}

/**
 * x · Wᵀ for a weight [out, in] of the checkpoint, kept as [in, out].
 *
 * @param prepare gives the [out, in] values; absent: the tensor `key` as it is.
 */
export function linear(
  context: PartContext,
  x: Value,
  key: string,
  [outSize, inSize]: readonly [number, number],
  prepare: () => Float32Array = () => context.weights.tensor(key),
): Value {
  const weight = partWeight(context, key, [inSize, outSize], () => transpose(prepare(), outSize, inSize));
  return context.graph.op('MatMul', [x, weight]);
}
