import type { MimiConfig } from '../checkpoint/config.ts';
import { decoderStages, encoderStages, lastConvIndex, widestChannels } from '../checkpoint/expected-tensors.ts';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import type { Value } from '../onnx/graph-builder.ts';
import { type ConvolutionContext, convolve, convolveStrided, convolveTransposed } from './convolution.ts';

/** SEANet's encoder: pcm [batch, 1920, 1] → [batch, 2, latent]. */
export function seanetEncoder(context: ConvolutionContext, mimi: MimiConfig, pcm: Value): Value {
  let length = FRAME_SAMPLES;
  let x = convolve(context, pcm, 'encoder.model.0.conv.conv', {
    inChannels: 1,
    outChannels: mimi.filterCount,
    kernel: mimi.kernelSize,
    length,
  });
  for (const { ratio, inChannels, outChannels, resblockIndex, resampleIndex } of encoderStages(mimi)) {
    x = resblock(context, mimi, x, `encoder.model.${resblockIndex}`, inChannels, length);
    const key = `encoder.model.${resampleIndex}.conv.conv`;
    x = convolveStrided(context, elu(context, x), key, { inChannels, outChannels, stride: ratio, length });
    length /= ratio;
  }
  return convolve(context, elu(context, x), `encoder.model.${lastConvIndex(mimi)}.conv.conv`, {
    inChannels: widestChannels(mimi),
    outChannels: mimi.latentDim,
    kernel: mimi.lastKernelSize,
    length,
  });
}

/** SEANet's decoder: [batch, 2, latent] → pcm [batch, 1920, 1]. */
export function seanetDecoder(context: ConvolutionContext, mimi: MimiConfig, latent: Value): Value {
  let length = 2;
  let x = convolve(context, latent, 'decoder.model.0.conv.conv', {
    inChannels: mimi.latentDim,
    outChannels: widestChannels(mimi),
    kernel: mimi.kernelSize,
    length,
  });
  for (const { ratio, inChannels, outChannels, resblockIndex, resampleIndex } of decoderStages(mimi)) {
    const key = `decoder.model.${resampleIndex}.convtr.convtr`;
    x = convolveTransposed(context, elu(context, x), key, { inChannels, outChannels, stride: ratio, length });
    length *= ratio;
    x = resblock(context, mimi, x, `decoder.model.${resblockIndex}`, outChannels, length);
  }
  return convolve(context, elu(context, x), `decoder.model.${lastConvIndex(mimi)}.conv.conv`, {
    inChannels: mimi.filterCount,
    outChannels: 1,
    kernel: mimi.lastKernelSize,
    length,
  });
}

function resblock(
  context: ConvolutionContext,
  mimi: MimiConfig,
  x: Value,
  key: string,
  channels: number,
  length: number,
): Value {
  const hidden = Math.floor(channels / mimi.compress);
  const narrow = convolve(context, elu(context, x), `${key}.block.1.conv.conv`, {
    inChannels: channels,
    outChannels: hidden,
    kernel: mimi.residualKernelSize,
    length,
  });
  const wide = convolve(context, elu(context, narrow), `${key}.block.3.conv.conv`, {
    inChannels: hidden,
    outChannels: channels,
    kernel: 1,
    length,
  });
  return context.graph.op('Add', [x, wide]);
}

/**
 * exp(x) − 1 below 0, x above. The runtime's own Elu computes the ends of a thread's share with another exponential
 * than the rest, so that a row's bits would depend on where it lies in the batch; these operators treat every element
 * alike, and were no slower.
 */
function elu({ graph }: ConvolutionContext, x: Value): Value {
  const exponential = graph.op('Exp', [graph.op('Min', [x, graph.floats([0])])]);
  return graph.op('Max', [x, graph.op('Sub', [exponential, graph.floats([1])])]);
}
