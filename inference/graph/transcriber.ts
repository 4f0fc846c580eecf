import type { LmConfig } from '../checkpoint/config.ts';
import type { Value } from '../onnx/graph-builder.ts';
import type { PartContext } from './linear.ts';
import type { GraphState } from './state.ts';
import { temporalTransformer, textLogits } from './temporal.ts';
import { withEncodedRows } from './token-rows.ts';

/** Names of what a graph with a transcriber has beside its other inputs and outputs; int32, B being the batch. */
export const transcriberNames = {
  /** In: [B, 1 + codebooks], rows of its own joint embedding table; -1 takes the encoder's code of this very frame. */
  tokenRows: 'transcriber.token_rows',
  /** Out: [B, 1]. */
  token: 'transcriber.token',
} as const;

/** Begins the names of its weights, which the model that answers has too. */
export const TRANSCRIBER_PREFIX = 'transcriber.';

/**
 * One position of the transcriber beside the call: it reads the caller's codes of this frame and its own last token, and
 * gives the likeliest text token, of several the lowest.
 *
 * @param userCodes int32 [batch, codebooks], as the encoder found them in this step.
 */
export function transcriber(context: PartContext, state: GraphState, lm: LmConfig, userCodes: Value): void {
  const { graph } = context;
  const given = graph.input(transcriberNames.tokenRows, 'int32', ['batch', 1 + lm.codebookCount]);
  const rows = withEncodedRows(graph, lm, given, userCodes);
  const hidden = temporalTransformer(context, state, 'transcriber', lm, rows);
  // ArgMax gives the first of equals.
  const best = graph.op('ArgMax', [textLogits(context, lm, hidden)], { axis: 1, keepdims: 1 });
  graph.output(transcriberNames.token, graph.op('Cast', [best], { to: 6 }), 'int32', ['batch', 1]);
}
