import { describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../testing/checkpoint-copy.ts';
import { readCheckpointConfig } from './config.ts';
import { expectedMimiTensors } from './expected-tensors.ts';

function configWith(values: Record<string, unknown>, dropped: readonly string[] = []) {
  using copy = new CheckpointCopy();
  copy.editJson('config.json', (json) => {
    Object.assign(json, values);
    for (const key of dropped) delete json[key];
  });
  return readCheckpointConfig(copy.directory);
}

describe('a config.json that names no configuration of Mimi', () => {
  it('means the official one', () => {
    const { mimi } = configWith({}, ['mimi_config_name']);
    expect(mimi).toEqual({
      latentDim: 512,
      filterCount: 64,
      compress: 2,
      kernelSize: 7,
      residualKernelSize: 3,
      lastKernelSize: 3,
      ratios: [8, 6, 5, 4],
      codeDim: 256,
      codebookCount: 32,
      binCount: 2048,
      transformer: { dim: 512, headCount: 8, layerCount: 8, context: 250, maxPeriod: 10_000, feedForwardDim: 2048 },
    });
  });

  it('asks for the tensors of the published codec', () => {
    const { mimi } = configWith({}, ['mimi_config_name']);
    const shapes = new Map(expectedMimiTensors(mimi, 8).map(({ key, shape }) => [key, shape]));
    expect(shapes.get('encoder.model.0.conv.conv.weight')).toEqual([64, 1, 7]);
    expect(shapes.get('encoder.model.10.block.1.conv.conv.weight')).toEqual([256, 512, 3]);
    expect(shapes.get('encoder.model.12.conv.conv.weight')).toEqual([1024, 512, 16]);
    expect(shapes.get('encoder.model.14.conv.conv.weight')).toEqual([512, 1024, 3]);
    expect(shapes.get('decoder.model.2.convtr.convtr.weight')).toEqual([1024, 512, 16]);
    expect(shapes.get('decoder_transformer.transformer.layers.7.self_attn.in_proj_weight')).toEqual([1536, 512]);
    expect(shapes.get('quantizer.rvq_rest.vq.layers.6._codebook.embedding_sum')).toEqual([2048, 256]);
    expect(shapes.has('quantizer.rvq_rest.vq.layers.7._codebook.embedding_sum')).toBe(false);
  });
});

describe('the files of a checkpoint', () => {
  it('have the published names where config.json names none', () => {
    const { files } = configWith({}, ['moshi_name', 'mimi_name', 'tokenizer_name']);
    expect(Object.values(files).map((path) => path.split('/').at(-1))).toEqual([
      'model.safetensors',
      'tokenizer-e351c8d8-checkpoint125.safetensors',
      'tokenizer_spm_32k_3.model',
    ]);
  });
});

describe('the language model of a config.json', () => {
  it('ignores keys of other programs', () => {
    const plain = configWith({});
    expect(configWith({ lm_gen_config: { temp: 0.7 }, model_id: { sig: 'x' }, depformer_causal: true })).toEqual({
      ...plain,
      files: expect.anything(),
    });
  });

  it('speaks in half of its codebooks where the depformer predicts all of them', () => {
    const { lm } = configWith({ dep_q: 8, depformer_weights_per_step_schedule: null });
    expect(lm).toMatchObject({ agentCodebookCount: 4, userCodebookCount: 4 });
    expect(lm.depformer).toMatchObject({ stepCount: 4, weightSets: [0, 1, 2, 3], weightSetCount: 8 });
  });

  it("sees one position less in NVIDIA's ring", () => {
    expect(configWith({ model_type: 'personaplex' }).lm.context).toBe(29);
    expect(configWith({}).lm.context).toBe(30);
  });

  it('has no depformer where it speaks no codebook', () => {
    const { lm } = configWith({ dep_q: 0 });
    expect(lm).toMatchObject({ agentCodebookCount: 0, userCodebookCount: 8, depformer: undefined });
  });

  it('takes any text where a conditioner reads letters, and demands that its size fits them', () => {
    const letters = (dim: number) => ({
      conditioners: { recalled: { type: 'tensor', tensor: { dim }, parley_letters: { alphabet: ' abc', places: 5 } } },
      fuser: { sum: ['recalled'] },
    });
    expect(configWith(letters(20)).lm.conditioners.get('recalled')).toEqual({
      kind: 'letters',
      alphabet: ' abc',
      places: 5,
    });
    expect(() => configWith(letters(21))).toThrow(/conditioners.recalled.*20/);
  });
});
