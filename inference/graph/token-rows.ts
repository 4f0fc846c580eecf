import type { LmConfig } from '../checkpoint/config.ts';
import type { GraphBuilder, Value } from '../onnx/graph-builder.ts';
import { embeddingRows } from './temporal.ts';

/** `given` where it is not negative, else `otherwise`; both int32. */
export function whereGiven(graph: GraphBuilder, given: Value, otherwise: Value): Value {
  const zero = graph.op('Cast', [graph.int64s([0])], { to: 6 });
  return graph.op('Where', [graph.op('Less', [given, zero]), otherwise, given]);
}

/**
 * Replaces -1 in the caller's columns by the row of the code that the encoder has just found.
 *
 * @param tokenRows int32 [batch, 1 + codebooks] of the model `lm`.
 * @param userCodes int32 [batch, caller's codebooks].
 */
export function withEncodedRows(graph: GraphBuilder, lm: LmConfig, tokenRows: Value, userCodes: Value): Value {
  const firstUser = 1 + lm.agentCodebookCount;
  const { codebookStart } = embeddingRows(lm);
  const starts = Array.from({ length: lm.userCodebookCount }, (_, i) => codebookStart(lm.agentCodebookCount + i));
  const encoded = graph.op('Add', [userCodes, graph.op('Cast', [graph.int64s(starts)], { to: 6 })]);
  const sizes = graph.int64s([firstUser, lm.userCodebookCount]);
  const [own, user] = graph.ops('Split', [tokenRows, sizes], { axis: 1 }, 2) as [Value, Value];
  return graph.op('Concat', [own, whereGiven(graph, user, encoded)], { axis: 1 });
}
