import type { MimiConfig } from '../checkpoint/config.ts';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import type { Value } from '../onnx/graph-builder.ts';
import { ringAttention } from './attention.ts';
import type { ConvolutionContext } from './convolution.ts';
import { linear, type PartContext, scaleRows } from './linear.ts';
import { quantize, summedCentroids } from './quantizer.ts';
import { seanetDecoder, seanetEncoder } from './seanet.ts';
import { type Clock, type GraphState, type Ring, stateNames } from './state.ts';

/** Positions of Mimi's transformers in a frame: they run at 25 Hz, twice the frame rate. */
const POSITIONS_PER_FRAME = 2;
/** Kyutai's LayerNorm has PyTorch's default; another value changes codes. */
const LAYER_NORM_EPSILON = 1e-5;

/**
 * Mimi's streaming encoder: pcm [batch, 1920] → latent [batch, 1, latent] before quantisation, and the codes of the
 * first `codebookCount` codebooks, int32 [batch, codebookCount].
 */
export function mimiEncoder(
  context: PartContext,
  state: GraphState,
  mimi: MimiConfig,
  pcm: Value,
  codebookCount: number,
): { latent: Value; codes: Value } {
  const { graph } = context;
  const convolution: ConvolutionContext = { ...context, state, clock: 'encoder' };
  const samples = graph.op('Reshape', [pcm, graph.int64s([0, FRAME_SAMPLES, 1])]);
  const encoded = seanetEncoder(convolution, mimi, samples);
  const attended = codecTransformer(context, mimi, state.ring(ringSpec('encoder', mimi)), encoded);
  const latent = downsample(convolution, mimi, attended);
  return { latent, codes: quantize(context, mimi, latent, codebookCount) };
}

/** Mimi's streaming decoder: codes int32 [batch, codebookCount] → pcm [batch, 1920]. */
export function mimiDecoder(
  context: PartContext,
  state: GraphState,
  mimi: MimiConfig,
  codes: Value,
  codebookCount: number,
): Value {
  const { graph } = context;
  const convolution: ConvolutionContext = { ...context, state, clock: 'decoder' };
  const latent = summedCentroids(context, mimi, codes, codebookCount);
  const doubled = upsample(convolution, mimi, latent);
  const attended = codecTransformer(context, mimi, state.ring(ringSpec('decoder', mimi)), doubled);
  const samples = seanetDecoder(convolution, mimi, attended);
  return graph.op('Reshape', [samples, graph.int64s([0, FRAME_SAMPLES])]);
}

function ringSpec(name: Clock, { transformer }: MimiConfig) {
  return {
    name,
    layerCount: transformer.layerCount,
    headCount: transformer.headCount,
    headDim: transformer.dim / transformer.headCount,
    context: transformer.context,
    positionsPerStep: POSITIONS_PER_FRAME,
    maxPeriod: transformer.maxPeriod,
  };
}

function codecTransformer(context: PartContext, { transformer }: MimiConfig, ring: Ring, x: Value): Value {
  const { graph, weights } = context;
  const { dim, feedForwardDim } = transformer;
  const scaled = (key: string, scaleKey: string, columns: number) => () => {
    const scale = weights.tensor(scaleKey);
    return scaleRows(weights.tensor(key), columns, (row) => scale[row]!);
  };
  for (let i = 0; i < transformer.layerCount; i++) {
    const layer = `${ring.spec.name}_transformer.transformer.layers.${i}`;
    const attended = ringAttention(
      context,
      ring,
      i,
      layerNorm(context, x, `${layer}.norm1`, dim),
      `${layer}.self_attn`,
    );
    const outKey = `${layer}.self_attn.out_proj.weight`;
    const out = linear(context, attended, outKey, [dim, dim], scaled(outKey, `${layer}.layer_scale_1.scale`, dim));
    x = graph.op('Add', [x, out]);
    const normed = layerNorm(context, x, `${layer}.norm2`, dim);
    const hidden = graph.op('Gelu', [linear(context, normed, `${layer}.linear1.weight`, [feedForwardDim, dim])]);
    const downKey = `${layer}.linear2.weight`;
    const scaleKey = `${layer}.layer_scale_2.scale`;
    const down = linear(context, hidden, downKey, [dim, feedForwardDim], scaled(downKey, scaleKey, feedForwardDim));
    x = graph.op('Add', [x, down]);
  }
  return x;
}

function layerNorm({ graph, weights }: PartContext, x: Value, key: string, dim: number): Value {
  const [weight, bias] = [`${key}.weight`, `${key}.bias`].map((name) =>
    graph.weight(name, [dim], () => weights.tensor(name)),
  );
  return graph.op('LayerNormalization', [x, weight!, bias!], { axis: -1, epsilon: { float: LAYER_NORM_EPSILON } });
}

/** [batch, 2, latent] → [batch, 1, latent]: kernel 4, stride 2; before its first frame the signal stood still. */
function downsample({ graph, weights, state, clock }: ConvolutionContext, { latentDim }: MimiConfig, x: Value): Value {
  const tail = state.tail(clock, 2, latentDim);
  tail.keep(x);
  const first = graph.op('Slice', [x, graph.int64s([0]), graph.int64s([1]), graph.int64s([1])]);
  const isFirst = graph.input(stateNames.isFirst(clock), 'bool', ['batch', 1, 1]);
  const before = graph.op('Where', [isFirst, first, tail.previous]);
  const taps = graph.op('Reshape', [graph.op('Concat', [before, x], { axis: 1 }), graph.int64s([0, 1, 4 * latentDim])]);
  const key = 'downsample.conv.conv.conv.weight';
  const weight = graph.weight(key, [4 * latentDim, latentDim], () => {
    const source = weights.tensor(key);
    return Float32Array.from({ length: source.length }, (_, at) => {
      const [tapAndInput, output] = [Math.floor(at / latentDim), at % latentDim];
      return source[(output * latentDim + (tapAndInput % latentDim)) * 4 + Math.floor(tapAndInput / latentDim)]!;
    });
  });
  return graph.op('MatMul', [taps, weight]);
}

/** [batch, 1, latent] → [batch, 2, latent]: transposed, kernel 4, stride 2, each channel by itself. */
function upsample({ graph, weights, state, clock }: ConvolutionContext, { latentDim }: MimiConfig, x: Value): Value {
  const tail = state.tail(clock, 1, latentDim);
  tail.keep(x);
  const key = 'upsample.convtr.convtr.convtr.weight';
  const taps = (name: string, firstTap: number) =>
    graph.weight(`${key}.${name}`, [2, latentDim], () => {
      const source = weights.tensor(key);
      return Float32Array.from({ length: 2 * latentDim }, (_, i) => {
        return source[(i % latentDim) * 4 + firstTap + Math.floor(i / latentDim)]!;
      });
    });
  return graph.op('Add', [
    graph.op('Mul', [x, taps('current', 0)]),
    graph.op('Mul', [tail.previous, taps('previous', 2)]),
  ]);
}
