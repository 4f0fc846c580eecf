import { describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../testing/checkpoint-copy.ts';
import { type Corruption, refusalOf } from '../testing/corruption.ts';

const LM = 'model.safetensors';
const MIMI = 'mimi.safetensors';
type TensorFile = typeof LM | typeof MIMI;

function missing(family: string, file: TensorFile, key: string, expected: string): Corruption {
  return {
    title: `${family}: ${key} is not there`,
    damage: (copy) => copy.editTensors(file, (tensors) => tensors.delete(key)),
    code: 'CHECKPOINT_TENSOR_MISSING',
    message: `${key}: expected [${expected}]`,
  };
}

function misshapen(family: string, file: TensorFile, key: string, found: number[], expected: string): Corruption {
  const bytes = 4 * found.reduce((a, b) => a * b, 1);
  return {
    title: `${family}: ${key} is [${found}]`,
    damage: (copy) =>
      copy.editTensors(file, (tensors) =>
        tensors.set(key, { dtype: 'F32', shape: found, bytes: new Uint8Array(bytes) }),
      ),
    code: 'CHECKPOINT_TENSOR_INVALID',
    message: `${key}: found [${found.join(', ')}], expected [${expected}]`,
  };
}

const LM_TENSORS: readonly Corruption[] = [
  misshapen('text embedding', LM, 'text_emb.weight', [64, 48], '65, 48'),
  misshapen('audio embedding', LM, 'emb.7.weight', [65, 32], '65, 48'),
  missing('audio embedding', LM, 'emb.3.weight', '65, 48'),
  misshapen('text head', LM, 'text_linear.weight', [65, 48], '64, 48'),
  misshapen('output norm', LM, 'out_norm.alpha', [48], '1, 1, 48'),
  misshapen('temporal attention', LM, 'transformer.layers.1.self_attn.in_proj_weight', [48, 144], '144, 48'),
  missing('temporal attention', LM, 'transformer.layers.0.self_attn.out_proj.weight', '48, 48'),
  misshapen('temporal norm', LM, 'transformer.layers.0.norm2.alpha', [1, 1, 49], '1, 1, 48'),
  misshapen('temporal gating', LM, 'transformer.layers.1.gating.linear_in.weight', [264, 47], 'any, 48'),
  {
    ...misshapen('temporal gating', LM, 'transformer.layers.1.gating.linear_in.weight', [262, 48], ''),
    message:
      'transformer.layers.1.gating.linear_in.weight: found [262, 48], expected [264, 48] beside transformer.layers.1.gating.linear_out.weight',
  },
  misshapen('depformer input', LM, 'depformer_in.2.weight', [48, 32], '32, 48'),
  missing('depformer text embedding', LM, 'depformer_text_emb.weight', '65, 32'),
  misshapen('depformer embedding', LM, 'depformer_emb.1.weight', [64, 8], '65, any'),
  misshapen('low rank', LM, 'depformer_emb.1.low_rank.weight', [32, 9], '32, 8] beside depformer_emb.1.weight [65, 8'),
  misshapen('depformer attention', LM, 'depformer.layers.1.self_attn.in_proj_weight', [96, 32], '288, 32'),
  misshapen('depformer attention', LM, 'depformer.layers.0.self_attn.out_proj.weight', [32, 32], '96, 32'),
  misshapen('depformer norm', LM, 'depformer.layers.0.norm1.alpha', [1, 1, 48], '1, 1, 32'),
  missing('depformer gating', LM, 'depformer.layers.0.gating.1.linear_out.weight', '32, any'),
  misshapen('audio heads', LM, 'linears.3.weight', [32, 64], '64, 32'),
  misshapen('conditioner', LM, 'condition_provider.conditioners.description.embed.weight', [8, 12], '9, 12'),
  missing('conditioner', LM, 'condition_provider.conditioners.description.learnt_padding', '1, 1, 48'),
  { ...misshapen('extra heads', LM, 'extra_heads.2.weight', [5, 48], '6, 48'), fixture: 'transcriber' },
];

const MIMI_TENSORS: readonly Corruption[] = [
  misshapen('encoder convolution', MIMI, 'encoder.model.3.conv.conv.weight', [6, 3, 7], '6, 3, 8'),
  missing('encoder convolution', MIMI, 'encoder.model.14.conv.conv.bias', '24'),
  misshapen('residual block', MIMI, 'encoder.model.4.block.1.conv.conv.weight', [3, 6, 5], '3, 6, 3'),
  misshapen('transposed convolution', MIMI, 'decoder.model.2.convtr.convtr.weight', [24, 48, 16], '48, 24, 16'),
  misshapen('codec transformer', MIMI, 'encoder_transformer.transformer.layers.0.linear1.weight', [24, 64], '64, 24'),
  missing('codec transformer', MIMI, 'decoder_transformer.transformer.layers.0.layer_scale_1.scale', '24'),
  misshapen('downsampling', MIMI, 'downsample.conv.conv.conv.weight', [24, 24, 3], '24, 24, 4'),
  misshapen('upsampling', MIMI, 'upsample.convtr.convtr.convtr.weight', [24, 24, 4], '24, 1, 4'),
  misshapen('quantiser projection', MIMI, 'quantizer.rvq_rest.input_proj.weight', [24, 12, 1], '12, 24, 1'),
  misshapen('codebook', MIMI, 'quantizer.rvq_first.vq.layers.0._codebook.embedding_sum', [63, 12], '64, 12'),
  missing('codebook', MIMI, 'quantizer.rvq_rest.vq.layers.2._codebook.cluster_usage', '64'),
];

describe.each([
  { part: 'the language model', corruptions: LM_TENSORS },
  { part: 'Mimi', corruptions: MIMI_TENSORS },
])('a checkpoint with a faulty tensor in $part', ({ corruptions }) => {
  it.each(corruptions)('is refused, with its reason: $title', ({ fixture, damage, code, message }) => {
    using copy = new CheckpointCopy(fixture);
    damage(copy);
    expect(refusalOf(copy.directory)).toEqual({ code, message: `${code}: ${message}` });
  });
});

describe('a checkpoint without a fault', () => {
  it('is taken', () => {
    using copy = new CheckpointCopy();
    expect(refusalOf(copy.directory)).toBeUndefined();
  });
});
