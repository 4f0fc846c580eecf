import type { Value } from '../onnx/graph-builder.ts';
import type { PartContext } from './linear.ts';
import type { Clock, GraphState } from './state.ts';

// Audio is kept channels last, [batch, length, channels]: then every causal convolution is a product of matrices, with
// the taps that a row sees laid side by side on the channel axis.

export interface ConvolutionContext extends PartContext {
  readonly state: GraphState;
  readonly clock: Clock;
}

interface Channels {
  readonly inChannels: number;
  readonly outChannels: number;
}

/** A causal convolution of stride 1: x [batch, length, in] → [batch, length, out]. */
export function convolve(
  context: ConvolutionContext,
  x: Value,
  key: string,
  { inChannels, outChannels, kernel, length }: Channels & { readonly kernel: number; readonly length: number },
): Value {
  const { graph, state, clock } = context;
  let taps = x;
  if (kernel > 1) {
    const tail = state.tail(clock, kernel - 1, inChannels);
    const padded = graph.op('Concat', [tail.previous, x], { axis: 1 });
    tail.keep(rows(context, padded, length, length + kernel - 1));
    const shifted = Array.from({ length: kernel }, (_, tap) => rows(context, padded, tap, tap + length));
    taps = graph.op('Concat', shifted, { axis: 2 });
  }
  return product(context, taps, key, { inChannels, outChannels, kernel });
}

/** A causal convolution of kernel 2·stride: x [batch, length, in] → [batch, length / stride, out]. */
export function convolveStrided(
  context: ConvolutionContext,
  x: Value,
  key: string,
  { inChannels, outChannels, stride, length }: Channels & { readonly stride: number; readonly length: number },
): Value {
  const { graph, state, clock } = context;
  const rowCount = length / stride;
  const width = stride * inChannels;
  const tail = state.tail(clock, 1, width);
  const current = graph.op('Reshape', [x, graph.int64s([0, rowCount, width])]);
  const pairs = besidePrevious(context, tail.previous, current, rowCount);
  tail.keep(rows(context, current, rowCount - 1, rowCount));
  return product(context, pairs, key, { inChannels, outChannels, kernel: 2 * stride });
}

/** A transposed convolution of kernel 2·stride: x [batch, length, in] → [batch, length · stride, out]. */
export function convolveTransposed(
  context: ConvolutionContext,
  x: Value,
  key: string,
  { inChannels, outChannels, stride, length }: Channels & { readonly stride: number; readonly length: number },
): Value {
  const { graph, weights, state, clock } = context;
  // An output row sums the taps of its own input row and of the one before, so one input row is all the state.
  const tail = state.tail(clock, 1, inChannels);
  const pairs = besidePrevious(context, tail.previous, x, length);
  tail.keep(rows(context, x, length - 1, length));
  const width = stride * outChannels;
  const kernel = 2 * stride;
  const weight = graph.weight(`${key}.weight`, [2 * inChannels, width], () => {
    const source = weights.tensor(`${key}.weight`);
    const target = new Float32Array(source.length);
    for (let half = 0; half < 2; half++) {
      for (let i = 0; i < inChannels; i++) {
        for (let phase = 0; phase < stride; phase++) {
          for (let o = 0; o < outChannels; o++) {
            const tap = half === 0 ? phase + stride : phase;
            const at = (half * inChannels + i) * width + phase * outChannels + o;
            target[at] = source[(i * outChannels + o) * kernel + tap]!;
          }
        }
      }
    }
    return target;
  });
  const bias = graph.weight(`${key}.bias`, [width], () => {
    const source = weights.tensor(`${key}.bias`);
    return Float32Array.from({ length: width }, (_, i) => source[i % outChannels]!);
  });
  const phases = graph.op('Add', [graph.op('MatMul', [pairs, weight]), bias]);
  return graph.op('Reshape', [phases, graph.int64s([0, length * stride, outChannels])]);
}

/** @returns rows `start` up to `end` of x [batch, length, channels]. */
function rows({ graph }: PartContext, x: Value, start: number, end: number): Value {
  return graph.op('Slice', [x, graph.int64s([start]), graph.int64s([end]), graph.int64s([1])]);
}

/** @returns [batch, rows, 2·width]: each row of `current` with the row before it on its left. */
function besidePrevious(context: PartContext, previous: Value, current: Value, rowCount: number): Value {
  const { graph } = context;
  const before =
    rowCount === 1 ? previous : graph.op('Concat', [previous, rows(context, current, 0, rowCount - 1)], { axis: 1 });
  return graph.op('Concat', [before, current], { axis: 2 });
}

function product(
  { graph, weights }: PartContext,
  taps: Value,
  key: string,
  { inChannels, outChannels, kernel }: Channels & { readonly kernel: number },
): Value {
  const weight = graph.weight(`${key}.weight`, [kernel * inChannels, outChannels], () => {
    const source = weights.tensor(`${key}.weight`);
    const target = new Float32Array(source.length);
    for (let o = 0; o < outChannels; o++) {
      for (let i = 0; i < inChannels; i++) {
        for (let tap = 0; tap < kernel; tap++) {
          target[(tap * inChannels + i) * outChannels + o] = source[(o * inChannels + i) * kernel + tap]!;
        }
      }
    }
    return target;
  });
  const bias = graph.weight(`${key}.bias`, [outChannels], () => weights.tensor(`${key}.bias`));
  return graph.op('Add', [graph.op('MatMul', [taps, weight]), bias]);
}
