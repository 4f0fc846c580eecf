import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { DepformerConfig, LmConfig } from '../checkpoint/config.ts';
import type { Weights } from '../checkpoint/weights.ts';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { GraphBuilder, type Value } from '../onnx/graph-builder.ts';
import type { WeightStore } from '../onnx/weights-file.ts';
import { depformer } from './depformer.ts';
import type { PartContext } from './linear.ts';
import { mimiDecoder, mimiEncoder } from './mimi.ts';
import { declareSampler, type Sampler } from './sampler.ts';
import { GraphState, type StateLayout } from './state.ts';
import { extraHeads, temporalTransformer, textLogits } from './temporal.ts';
import { whereGiven, withEncodedRows } from './token-rows.ts';
import { TRANSCRIBER_PREFIX, transcriber } from './transcriber.ts';

/**
 * `duplex` is the whole step of a call, PCM to PCM, with the transcriber of a checkpoint that has one. The others are its parts, built by the same functions: for tests
 * against the reference, and for tools.
 */
export type GraphKind = 'duplex' | 'lm' | 'encoder' | 'decoder' | 'temporal' | 'depformer';

export interface BuiltGraph {
  readonly bytes: Uint8Array;
  readonly layout: StateLayout;
  readonly nodeCount: number;
}

/**
 * Names of the graphs' own inputs and outputs; all int32 or f32, B being the batch. The state's names are in state.ts,
 * the samplers' in sampler.ts.
 */
export const graphNames = {
  /** In: [B, 1920]. */
  pcm: 'pcm',
  /** In: [B, 1 + codebooks], rows of the joint embedding table; -1 takes the encoder's code of this very frame. */
  tokenRows: 'token_rows',
  /** In: [B, dim], added to the input embedding. */
  added: 'added',
  /** In: [B, 1] and [B, agent codebooks]; -1 where the model is free. */
  forcedText: 'forced_text',
  forcedAudio: 'forced_audio',
  /** In: [B, 1 + agent codebooks], uniform in [0, 1). */
  uniforms: 'uniforms',
  /** In: [B, agent codebooks]; -1 takes the code that this step produces. */
  decoderCodes: 'decoder_codes',
  /** In, `depformer` only: [B, 1, dim] and [B, 1 + agent codebooks], text first. */
  hiddenInput: 'hidden_input',
  targets: 'targets',
  /** Out: [B, 1]. */
  text: 'text',
  /** Out: [B, agent codebooks]. */
  audio: 'audio',
  /** Out: [B, caller's codebooks]. */
  userCodes: 'user_codes',
  /** Out: [B, 1920]. */
  decoded: 'decoded',
  /** Out: [B, 1, latent], before quantisation. */
  latent: 'latent',
  /** Out: [B, 1, dim], after the output norm. */
  hidden: 'hidden',
  /** Out: [B, textCard] and [B, agent codebooks, card]. */
  textLogits: 'text_logits',
  audioLogits: 'audio_logits',
  /** Out: [B, heads, classes]. */
  extraHeads: 'extra_heads',
} as const;

const BUILDERS: Record<GraphKind, (parts: Parts) => void> = {
  duplex: buildDuplex,
  lm: (parts) => {
    const { graph, lm } = parts;
    const tokenRows = graph.input(graphNames.tokenRows, 'int32', ['batch', 1 + lm.codebookCount]);
    languageModel(parts, tokenRows);
  },
  encoder: (parts) => buildEncoder(parts, parts.checkpoint.config.lm.userCodebookCount),
  decoder: buildDecoder,
  temporal: buildTemporal,
  depformer: buildTeacherForcedDepformer,
};

/** Builds a graph of a checkpoint, writing the weights it needs into `weightsFile`. */
export function buildGraph(kind: GraphKind, checkpoint: Checkpoint, weightsFile: WeightStore): BuiltGraph {
  const graph = new GraphBuilder(weightsFile);
  const state = new GraphState(graph);
  BUILDERS[kind]({ graph, state, checkpoint, lm: checkpoint.config.lm });
  const layout = state.finish();
  return { bytes: graph.build(kind), layout, nodeCount: graph.nodeCount };
}

interface Parts {
  readonly graph: GraphBuilder;
  readonly state: GraphState;
  readonly checkpoint: Checkpoint;
  readonly lm: LmConfig;
}

function partContext({ graph }: Parts, weights: Weights): PartContext {
  return { graph, weights };
}

function buildDuplex(parts: Parts): void {
  const { graph, lm } = parts;
  const userCodes = buildEncoder(parts, lm.userCodebookCount);
  const tokenRows = graph.input(graphNames.tokenRows, 'int32', ['batch', 1 + lm.codebookCount]);
  const rows = withEncodedRows(graph, lm, tokenRows, userCodes);
  const audio = languageModel(parts, rows);
  buildTranscriber(parts, userCodes);
  if (audio === undefined) return;
  const given = graph.input(graphNames.decoderCodes, 'int32', ['batch', lm.agentCodebookCount]);
  decode(parts, whereGiven(graph, given, audio));
}

function buildTranscriber({ graph, state, checkpoint }: Parts, userCodes: Value): void {
  const { transcriber: part } = checkpoint;
  if (!part) return;
  transcriber({ graph, weights: part.weights, prefix: TRANSCRIBER_PREFIX }, state, part.lm, userCodes);
}

function buildEncoder(parts: Parts, codebookCount: number): Value {
  const { graph, state, checkpoint } = parts;
  const { mimi } = checkpoint.config;
  const pcm = graph.input(graphNames.pcm, 'float32', ['batch', FRAME_SAMPLES]);
  const { latent, codes } = mimiEncoder(partContext(parts, checkpoint.mimi), state, mimi, pcm, codebookCount);
  graph.output(graphNames.latent, latent, 'float32', ['batch', 1, mimi.latentDim]);
  graph.output(graphNames.userCodes, codes, 'int32', ['batch', codebookCount]);
  return codes;
}

function buildDecoder(parts: Parts): void {
  const { graph, lm } = parts;
  decode(parts, graph.input(graphNames.decoderCodes, 'int32', ['batch', lm.agentCodebookCount]));
}

function decode(parts: Parts, codes: Value): void {
  const { graph, state, checkpoint, lm } = parts;
  const context = partContext(parts, checkpoint.mimi);
  const pcm = mimiDecoder(context, state, checkpoint.config.mimi, codes, lm.agentCodebookCount);
  graph.output(graphNames.decoded, pcm, 'float32', ['batch', FRAME_SAMPLES]);
}

/** @returns the agent's codes of this step; undefined for a model without a depformer. */
function languageModel(parts: Parts, tokenRows: Value): Value | undefined {
  const { graph, checkpoint, lm } = parts;
  const context = partContext(parts, checkpoint.lm);
  const hidden = temporal(parts, tokenRows);
  const draws = 1 + lm.agentCodebookCount;
  const uniforms = graph.input(graphNames.uniforms, 'float32', ['batch', draws]);
  const uniform = graph.ops('Split', [uniforms], { axis: 1, num_outputs: draws }, draws);
  const textSampler = declareSampler(graph, 'text', lm.textCard);
  const forcedText = graph.input(graphNames.forcedText, 'int32', ['batch', 1]);
  const sampled = textSampler.sample(textLogits(context, lm, hidden), uniform[0]!);
  const text = whereGiven(graph, forcedText, sampled);
  graph.output(graphNames.text, text, 'int32', ['batch', 1]);
  if (lm.extraHeadCount > 0) {
    const probabilities = extraHeads(context, lm, hidden);
    graph.output(graphNames.extraHeads, probabilities, 'float32', ['batch', lm.extraHeadCount, lm.extraHeadDim]);
  }
  if (!hasDepformer(lm)) return undefined;
  const sampler = declareSampler(graph, 'audio', lm.audioCard);
  return freeDepformer(parts, lm, hidden, text, sampler, uniform.slice(1));
}

function freeDepformer(
  parts: Parts,
  lm: LmConfig & { readonly depformer: DepformerConfig },
  hidden: Value,
  text: Value,
  sampler: Sampler,
  uniform: readonly Value[],
): Value {
  const { graph, checkpoint } = parts;
  const count = lm.agentCodebookCount;
  const forced = graph.input(graphNames.forcedAudio, 'int32', ['batch', count]);
  const forcedCodes = graph.ops('Split', [forced], { axis: 1, num_outputs: count }, count);
  const { codes } = depformer(partContext(parts, checkpoint.lm), lm, hidden, text, (logits, step) =>
    whereGiven(graph, forcedCodes[step]!, sampler.sample(logits, uniform[step]!)),
  );
  const audio = graph.op('Concat', codes, { axis: 1 });
  graph.output(graphNames.audio, audio, 'int32', ['batch', count]);
  return audio;
}

function temporal(parts: Parts, tokenRows: Value): Value {
  const { graph, state, checkpoint, lm } = parts;
  const added = graph.input(graphNames.added, 'float32', ['batch', lm.dim]);
  return temporalTransformer(partContext(parts, checkpoint.lm), state, 'temporal', lm, tokenRows, added);
}

function buildTemporal(parts: Parts): void {
  const { graph, checkpoint, lm } = parts;
  const tokenRows = graph.input(graphNames.tokenRows, 'int32', ['batch', 1 + lm.codebookCount]);
  const hidden = temporal(parts, tokenRows);
  graph.output(graphNames.hidden, hidden, 'float32', ['batch', 1, lm.dim]);
  const logits = textLogits(partContext(parts, checkpoint.lm), lm, hidden);
  graph.output(graphNames.textLogits, logits, 'float32', ['batch', lm.textCard]);
}

function buildTeacherForcedDepformer(parts: Parts): void {
  const { graph, checkpoint, lm } = parts;
  if (!hasDepformer(lm)) throw new TypeError('This checkpoint has no depformer.');
  const count = lm.agentCodebookCount;
  const hidden = graph.input(graphNames.hiddenInput, 'float32', ['batch', 1, lm.dim]);
  const targets = graph.input(graphNames.targets, 'int32', ['batch', 1 + count]);
  const tokens = graph.ops('Split', [targets], { axis: 1, num_outputs: 1 + count }, 1 + count);
  const context = partContext(parts, checkpoint.lm);
  const { logits } = depformer(context, lm, hidden, tokens[0]!, (_, step) => tokens[step + 1]!);
  const rows = logits.map((row) => graph.op('Reshape', [row, graph.int64s([0, 1, lm.audioCard])]));
  const all = graph.op('Concat', rows, { axis: 1 });
  graph.output(graphNames.audioLogits, all, 'float32', ['batch', count, lm.audioCard]);
}

function hasDepformer(lm: LmConfig): lm is LmConfig & { readonly depformer: DepformerConfig } {
  return lm.depformer !== undefined;
}
