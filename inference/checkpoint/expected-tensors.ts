import type { LmConfig, MimiConfig } from './config.ts';

/** A tensor that a checkpoint must hold. A dimension of -1 is read from the file: any size of at least 1. */
export interface ExpectedTensor {
  readonly key: string;
  readonly shape: readonly number[];
}

/** The strided and residual layers of SEANet's encoder or decoder in order, with their index in the file's keys. */
export interface SeanetStage {
  readonly ratio: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly resblockIndex: number;
  readonly resampleIndex: number;
  readonly resblockChannels: number;
}

/** @returns the encoder's stages: residual block, then strided convolution, doubling the channels. */
export function encoderStages(mimi: MimiConfig): readonly SeanetStage[] {
  return mimi.ratios.toReversed().map((ratio, i) => {
    const inChannels = mimi.filterCount * 2 ** i;
    return {
      ratio,
      inChannels,
      outChannels: inChannels * 2,
      resblockIndex: 3 * i + 1,
      resampleIndex: 3 * i + 3,
      resblockChannels: inChannels,
    };
  });
}

/** @returns the decoder's stages: transposed convolution, halving the channels, then residual block. */
export function decoderStages(mimi: MimiConfig): readonly SeanetStage[] {
  return mimi.ratios.map((ratio, i) => {
    const inChannels = mimi.filterCount * 2 ** (mimi.ratios.length - i);
    return {
      ratio,
      inChannels,
      outChannels: inChannels / 2,
      resampleIndex: 3 * i + 2,
      resblockIndex: 3 * i + 3,
      resblockChannels: inChannels / 2,
    };
  });
}

/** Channels between the strided stages and the latent: the widest point of SEANet. */
export function widestChannels(mimi: MimiConfig): number {
  return mimi.filterCount * 2 ** mimi.ratios.length;
}

/** Index of SEANet's last convolution, the same in encoder and decoder. */
export function lastConvIndex(mimi: MimiConfig): number {
  return 3 * mimi.ratios.length + 2;
}

function conv(key: string, outChannels: number, inChannels: number, kernel: number): ExpectedTensor[] {
  return [
    { key: `${key}.conv.conv.weight`, shape: [outChannels, inChannels, kernel] },
    { key: `${key}.conv.conv.bias`, shape: [outChannels] },
  ];
}

function resblock(key: string, channels: number, mimi: MimiConfig): ExpectedTensor[] {
  const hidden = Math.floor(channels / mimi.compress);
  return [
    ...conv(`${key}.block.1`, hidden, channels, mimi.residualKernelSize),
    ...conv(`${key}.block.3`, channels, hidden, 1),
  ];
}

function seanet(mimi: MimiConfig): ExpectedTensor[] {
  const widest = widestChannels(mimi);
  const last = lastConvIndex(mimi);
  return [
    ...conv('encoder.model.0', mimi.filterCount, 1, mimi.kernelSize),
    ...encoderStages(mimi).flatMap((stage) => [
      ...resblock(`encoder.model.${stage.resblockIndex}`, stage.resblockChannels, mimi),
      ...conv(`encoder.model.${stage.resampleIndex}`, stage.outChannels, stage.inChannels, 2 * stage.ratio),
    ]),
    ...conv(`encoder.model.${last}`, mimi.latentDim, widest, mimi.lastKernelSize),
    ...conv('decoder.model.0', widest, mimi.latentDim, mimi.kernelSize),
    ...decoderStages(mimi).flatMap((stage) => [
      {
        key: `decoder.model.${stage.resampleIndex}.convtr.convtr.weight`,
        shape: [stage.inChannels, stage.outChannels, 2 * stage.ratio],
      },
      { key: `decoder.model.${stage.resampleIndex}.convtr.convtr.bias`, shape: [stage.outChannels] },
      ...resblock(`decoder.model.${stage.resblockIndex}`, stage.resblockChannels, mimi),
    ]),
    ...conv(`decoder.model.${last}`, 1, mimi.filterCount, mimi.lastKernelSize),
  ];
}

function codecTransformer(prefix: string, mimi: MimiConfig): ExpectedTensor[] {
  const { dim, layerCount, feedForwardDim } = mimi.transformer;
  return Array.from({ length: layerCount }, (_, i) => `${prefix}.transformer.layers.${i}`).flatMap((layer) => [
    { key: `${layer}.norm1.weight`, shape: [dim] },
    { key: `${layer}.norm1.bias`, shape: [dim] },
    { key: `${layer}.self_attn.in_proj_weight`, shape: [3 * dim, dim] },
    { key: `${layer}.self_attn.out_proj.weight`, shape: [dim, dim] },
    { key: `${layer}.layer_scale_1.scale`, shape: [dim] },
    { key: `${layer}.norm2.weight`, shape: [dim] },
    { key: `${layer}.norm2.bias`, shape: [dim] },
    { key: `${layer}.linear1.weight`, shape: [feedForwardDim, dim] },
    { key: `${layer}.linear2.weight`, shape: [dim, feedForwardDim] },
    { key: `${layer}.layer_scale_2.scale`, shape: [dim] },
  ]);
}

function quantizer(mimi: MimiConfig, usedCodebookCount: number): ExpectedTensor[] {
  const { latentDim, codeDim, binCount } = mimi;
  const projections = ['rvq_first', 'rvq_rest'].flatMap((branch) => [
    { key: `quantizer.${branch}.input_proj.weight`, shape: [codeDim, latentDim, 1] },
    { key: `quantizer.${branch}.output_proj.weight`, shape: [latentDim, codeDim, 1] },
  ]);
  const books = Array.from({ length: usedCodebookCount }, (_, i) => codebookKey(i)).flatMap((key) => [
    { key: `${key}.cluster_usage`, shape: [binCount] },
    { key: `${key}.embedding_sum`, shape: [binCount, codeDim] },
  ]);
  return [...projections, ...books];
}

/** @returns the key of codebook `index`: the semantic one stands in a branch of its own. */
export function codebookKey(index: number): string {
  const [branch, layer] = index === 0 ? ['rvq_first', 0] : ['rvq_rest', index - 1];
  return `quantizer.${branch}.vq.layers.${layer}._codebook`;
}

/** @returns every tensor of Mimi that the first `usedCodebookCount` codebooks need. */
export function expectedMimiTensors(mimi: MimiConfig, usedCodebookCount: number): ExpectedTensor[] {
  const { latentDim } = mimi;
  return [
    ...seanet(mimi),
    ...codecTransformer('encoder_transformer', mimi),
    ...codecTransformer('decoder_transformer', mimi),
    { key: 'downsample.conv.conv.conv.weight', shape: [latentDim, latentDim, 4] },
    { key: 'upsample.convtr.convtr.convtr.weight', shape: [latentDim, 1, 4] },
    ...quantizer(mimi, usedCodebookCount),
  ];
}

function temporal(lm: LmConfig): ExpectedTensor[] {
  const { dim } = lm;
  return Array.from({ length: lm.layerCount }, (_, i) => `transformer.layers.${i}`).flatMap((layer) => [
    { key: `${layer}.norm1.alpha`, shape: [1, 1, dim] },
    { key: `${layer}.self_attn.in_proj_weight`, shape: [3 * dim, dim] },
    { key: `${layer}.self_attn.out_proj.weight`, shape: [dim, dim] },
    { key: `${layer}.norm2.alpha`, shape: [1, 1, dim] },
    { key: `${layer}.gating.linear_in.weight`, shape: [-1, dim] },
    { key: `${layer}.gating.linear_out.weight`, shape: [dim, -1] },
  ]);
}

function depformer(lm: LmConfig): ExpectedTensor[] {
  if (!lm.depformer) return [];
  const { dim, layerCount, stepCount, weightSets, weightSetCount } = lm.depformer;
  const usedSets = [...new Set(weightSets)];
  const layers = Array.from({ length: layerCount }, (_, i) => `depformer.layers.${i}`).flatMap((layer) => [
    { key: `${layer}.norm1.alpha`, shape: [1, 1, dim] },
    { key: `${layer}.self_attn.in_proj_weight`, shape: [weightSetCount * 3 * dim, dim] },
    { key: `${layer}.self_attn.out_proj.weight`, shape: [weightSetCount * dim, dim] },
    { key: `${layer}.norm2.alpha`, shape: [1, 1, dim] },
    ...usedSets.flatMap((set) => [
      { key: `${layer}.gating.${set}.linear_in.weight`, shape: [-1, dim] },
      { key: `${layer}.gating.${set}.linear_out.weight`, shape: [dim, -1] },
    ]),
  ]);
  return [
    ...usedSets.map((set) => ({ key: `depformer_in.${set}.weight`, shape: [dim, lm.dim] })),
    { key: 'depformer_text_emb.weight', shape: [lm.textCard + 1, dim] },
    ...Array.from({ length: stepCount - 1 }, (_, k) => ({
      key: `depformer_emb.${k}.weight`,
      shape: [lm.audioCard + 1, dim],
    })),
    ...layers,
    ...Array.from({ length: stepCount }, (_, k) => ({ key: `linears.${k}.weight`, shape: [lm.audioCard, dim] })),
  ];
}

function conditioners(lm: LmConfig): ExpectedTensor[] {
  return [...lm.conditioners].flatMap(([name, conditioner]) => {
    const key = `condition_provider.conditioners.${name}`;
    const inputDim = conditioner.kind === 'lut' ? conditioner.dim : conditioner.alphabet.length * conditioner.places;
    return [
      ...(conditioner.kind === 'lut'
        ? [{ key: `${key}.embed.weight`, shape: [conditioner.binCount + 1, conditioner.dim] }]
        : []),
      { key: `${key}.output_proj.weight`, shape: [lm.dim, inputDim] },
      { key: `${key}.learnt_padding`, shape: [1, 1, lm.dim] },
    ];
  });
}

/** @returns every tensor of the language model that a step needs. */
export function expectedLmTensors(lm: LmConfig): ExpectedTensor[] {
  return [
    ...Array.from({ length: lm.codebookCount }, (_, i) => ({
      key: `emb.${i}.weight`,
      shape: [lm.audioCard + 1, lm.dim],
    })),
    { key: 'text_emb.weight', shape: [lm.textCard + 1, lm.dim] },
    { key: 'text_linear.weight', shape: [lm.textCard, lm.dim] },
    { key: 'out_norm.alpha', shape: [1, 1, lm.dim] },
    ...temporal(lm),
    ...depformer(lm),
    ...Array.from({ length: lm.extraHeadCount }, (_, i) => ({
      key: `extra_heads.${i}.weight`,
      shape: [lm.extraHeadDim, lm.dim],
    })),
    ...conditioners(lm),
  ];
}
