import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { InferenceErrorCode } from '../errors.ts';
import { CheckpointCopy } from '../testing/checkpoint-copy.ts';
import { type Corruption, refusalOf } from '../testing/corruption.ts';
import { type RawTensor, safetensorsBytes, writeRawSafetensors } from '../testing/raw-safetensors.ts';
import { babbleTokenizer } from '../untrained/tokenizer.ts';

const LM = 'model.safetensors';
const MIMI = 'mimi.safetensors';
const TENSOR: RawTensor = { dtype: 'F32', shape: [2], bytes: new Uint8Array(8) };

/** Puts the model's tensors into two shards behind an index. */
function shard(copy: CheckpointCopy, place: (key: string) => readonly (1 | 2)[]): void {
  const tensors = [...copy.tensors(LM)];
  const part = (number: 1 | 2) => new Map(tensors.filter(([key]) => place(key).includes(number)));
  rmSync(copy.path(LM));
  for (const number of [1, 2] as const) writeRawSafetensors(copy.path(`part-${number}.safetensors`), part(number));
  const weight_map = Object.fromEntries(tensors.map(([key]) => [key, `part-${place(key)[0]}.safetensors`]));
  writeFileSync(copy.path(`${LM}.index.json`), JSON.stringify({ weight_map }));
}

const FILES: readonly Corruption[] = [
  {
    title: 'a file that is cut short',
    damage: (copy) => truncateSync(copy.path(MIMI), 200_000),
    code: 'CHECKPOINT_FILE_INVALID',
    message:
      'DIR/mimi.safetensors: encoder.model.12.conv.conv.weight: [48, 24, 16] of F32 takes 73728 bytes, found 166440 to 240168 of 189896',
  },
  {
    title: 'a file cut short in its header',
    damage: (copy) => truncateSync(copy.path(LM), 1000),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/model.safetensors: a header of 6040 bytes does not fit 1000 bytes of file',
  },
  {
    title: 'an empty file',
    damage: (copy) => truncateSync(copy.path(LM), 0),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/model.safetensors: 0 bytes is too short for a header',
  },
  {
    title: 'a file that is missing',
    damage: (copy) => rmSync(copy.path(MIMI)),
    code: 'CHECKPOINT_FILE_MISSING',
    message: `DIR/${MIMI}`,
  },
  {
    title: 'a header that is not JSON',
    damage: (copy) => writeFileSync(copy.path(LM), safetensorsBytes('{"text_emb.weight": oops}', [])),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/model.safetensors: header is not JSON',
  },
  {
    title: 'a header that is not a table of tensors',
    damage: (copy) => writeFileSync(copy.path(LM), safetensorsBytes('{"text_emb.weight": {"dtype": 3}}', [])),
    code: 'CHECKPOINT_FILE_INVALID',
    message:
      'DIR/model.safetensors: text_emb.weight.dtype: found 3, expected string; text_emb.weight.shape: found nothing, expected array; text_emb.weight.data_offsets: found nothing, expected tuple',
  },
  {
    title: 'a header longer than the file',
    damage: (copy) => writeFileSync(copy.path(LM), Buffer.from('this is no tensor file, it is a sentence')),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/model.safetensors: a header of 2338328219631577000 bytes does not fit 40 bytes of file',
  },
  {
    title: 'a tensor of whole numbers where floats belong',
    damage: (copy) =>
      copy.editTensors(LM, (tensors) =>
        tensors.set('out_norm.alpha', { dtype: 'I32', shape: [1, 1, 48], bytes: new Uint8Array(192) }),
      ),
    code: 'CHECKPOINT_TENSOR_INVALID',
    message: 'out_norm.alpha: found values of type I32, expected one of F32, F16, BF16',
  },
  {
    title: 'a type that the format has and Parley does not',
    damage: (copy) =>
      copy.editTensors(LM, (tensors) =>
        tensors.set('out_norm.alpha', { dtype: 'F8_E4M3', shape: [1, 1, 48], bytes: new Uint8Array(48) }),
      ),
    code: 'CHECKPOINT_TENSOR_INVALID',
    message: 'out_norm.alpha: found values of type F8_E4M3, expected one of F32, F16, BF16',
  },
  {
    title: 'offsets beyond the end of the file',
    damage: (copy) =>
      writeRawSafetensors(copy.path(LM), new Map([['text_emb.weight', TENSOR]]), (header) => {
        header['text_emb.weight']!.data_offsets = [8, 16];
      }),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/model.safetensors: text_emb.weight: [2] of F32 takes 8 bytes, found 8 to 16 of 8',
  },
  {
    title: 'offsets that do not fit the shape',
    damage: (copy) =>
      writeRawSafetensors(copy.path(LM), new Map([['text_emb.weight', TENSOR]]), (header) => {
        header['text_emb.weight']!.data_offsets = [4, 8];
      }),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/model.safetensors: text_emb.weight: [2] of F32 takes 8 bytes, found 4 to 8 of 8',
  },
  {
    title: 'tensors that overlap',
    damage: (copy) =>
      writeRawSafetensors(copy.path(LM), new Map(Object.entries({ a: TENSOR, b: TENSOR })), (header) => {
        header.b!.data_offsets = [4, 12];
      }),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/model.safetensors: b begins inside a',
  },
  {
    title: 'a shard that is missing',
    damage: (copy) => {
      shard(copy, (key) => (key.startsWith('emb') ? [2] : [1]));
      rmSync(copy.path('part-2.safetensors'));
    },
    code: 'CHECKPOINT_FILE_MISSING',
    message: 'DIR/part-2.safetensors',
  },
  {
    title: 'a tensor in two shards',
    damage: (copy) => shard(copy, (key) => (key === 'emb.0.weight' ? [1, 2] : key.startsWith('emb') ? [2] : [1])),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/part-2.safetensors: emb.0.weight is in DIR/part-1.safetensors too',
  },
  {
    title: 'an index that names files elsewhere',
    damage: (copy) => {
      rmSync(copy.path(LM));
      writeFileSync(copy.path(`${LM}.index.json`), '{"weight_map": {"emb.0.weight": "../../etc/passwd"}}');
    },
    code: 'CHECKPOINT_FILE_INVALID',
    message:
      'DIR/model.safetensors.index.json: weight_map.emb.0.weight: found "../../etc/passwd", Invalid string: must match pattern /^[\\w.-]+$/',
  },
  {
    title: 'an index that is not JSON',
    damage: (copy) => {
      rmSync(copy.path(LM));
      writeFileSync(copy.path(`${LM}.index.json`), 'weight_map');
    },
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/model.safetensors.index.json is not JSON',
  },
  {
    title: 'no tokenizer',
    damage: (copy) => rmSync(copy.path('tokenizer.model')),
    code: 'CHECKPOINT_FILE_MISSING',
    message: 'DIR/tokenizer.model',
  },
  {
    title: 'a tokenizer that is no SentencePiece model',
    damage: (copy) => writeFileSync(copy.path('tokenizer.model'), '{"model": "bpe"}'),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/tokenizer.model is not a SentencePiece model',
  },
  {
    title: 'an empty tokenizer',
    damage: (copy) => writeFileSync(copy.path('tokenizer.model'), ''),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/tokenizer.model has no pieces',
  },
  {
    title: 'the tokenizer of another model',
    damage: (copy) => writeFileSync(copy.path('tokenizer.model'), babbleTokenizer(96)),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/tokenizer.model: found 96 pieces, expected at most 64',
  },
];

function config(
  title: string,
  values: Record<string, unknown>,
  message: string,
  code?: InferenceErrorCode,
): Corruption {
  return {
    title,
    damage: (copy) => copy.editJson('config.json', (json) => Object.assign(json, values)),
    code: code ?? 'CHECKPOINT_CONFIG_INVALID',
    message,
  };
}

const CONFIGS: readonly Corruption[] = [
  {
    title: 'no config.json',
    damage: (copy) => rmSync(copy.path('config.json')),
    code: 'CHECKPOINT_FILE_MISSING',
    message: 'DIR/config.json',
  },
  {
    title: 'a config.json that is not JSON',
    damage: (copy) => writeFileSync(copy.path('config.json'), '{"dim": 48,}'),
    code: 'CHECKPOINT_CONFIG_INVALID',
    message: 'DIR/config.json is not JSON',
  },
  config('a key of the wrong type', { dim: '48' }, 'DIR/config.json: dim: found "48", expected number'),
  config(
    'several keys of the wrong type',
    { dim: null, num_layers: 2.5, delays: 3 },
    'DIR/config.json: dim: found null, expected number; num_layers: found 2.5, expected int; delays: found 3, expected array',
  ),
  config(
    'a feature that is not there',
    { gating: 'gelu', cross_attention: true },
    'DIR/config.json: gating: found "gelu", expected "silu"; cross_attention: found true, expected false',
  ),
  config('too few delays', { delays: [0, 0, 2] }, 'DIR/config.json: delays: found 3, expected 9 delays'),
  config(
    'heads that do not divide the width',
    { num_heads: 5 },
    'DIR/config.json: num_heads: found 5, expected dim / num_heads to be even',
  ),
  config(
    'heads of the depformer that do not divide its width',
    { depformer_num_heads: 5 },
    'DIR/config.json: depformer_num_heads: found 5, expected a divisor of depformer_dim',
  ),
  config(
    'a condition that no conditioner gives',
    { fuser: { sum: ['mood'] } },
    'DIR/config.json: fuser.sum: found mood, expected one of [description]',
  ),
  config(
    'a padding token beyond the vocabulary',
    { existing_text_padding_id: 64 },
    'DIR/config.json: existing_text_padding_id: found 64, expected a text token below 64',
  ),
  config(
    'a schedule shorter than the depformer',
    { depformer_weights_per_step_schedule: [0, 1] },
    'DIR/config.json: depformer_weights_per_step_schedule: found 2, expected 4 steps',
  ),
  config(
    'more layers than the weights have',
    { num_layers: 3 },
    'transformer.layers.2.norm1.alpha: expected [1, 1, 48]',
    'CHECKPOINT_TENSOR_MISSING',
  ),
  config(
    'another width than the weights have',
    { dim: 64 },
    'emb.0.weight: found [65, 48], expected [65, 64]',
    'CHECKPOINT_TENSOR_INVALID',
  ),
  config(
    'another vocabulary than the weights have',
    { text_card: 100 },
    'text_emb.weight: found [65, 48], expected [101, 48]',
    'CHECKPOINT_TENSOR_INVALID',
  ),
  config(
    'more codebooks than the weights have',
    { n_q: 9, delays: Array(10).fill(0) },
    'emb.8.weight: expected [65, 48]',
    'CHECKPOINT_TENSOR_MISSING',
  ),
  {
    title: 'a codec that is wider than its transformer',
    damage: (copy) =>
      copy.editJson('mimi_config.json', (json) => Object.assign(json.seanet as object, { dimension: 32 })),
    code: 'CHECKPOINT_CONFIG_INVALID',
    message: 'DIR/mimi_config.json: transformer.d_model: found 24, expected seanet.dimension 32',
  },
  {
    title: 'a codec with other frames',
    damage: (copy) =>
      copy.editJson('mimi_config.json', (json) => Object.assign(json.seanet as object, { ratios: [8, 5, 4, 2] })),
    code: 'CHECKPOINT_CONFIG_INVALID',
    message: 'DIR/mimi_config.json: seanet.ratios: found 320, expected a product of 960',
  },
  {
    title: 'fewer codebooks than the language model speaks',
    damage: (copy) => copy.editJson('mimi_config.json', (json) => Object.assign(json.quantizer as object, { n_q: 3 })),
    code: 'CHECKPOINT_CONFIG_INVALID',
    message: 'DIR: quantizer: found 3 codebooks of 64, expected at least 4 of 64',
  },
];

describe.each([
  { part: 'its files', corruptions: FILES },
  { part: 'its configuration', corruptions: CONFIGS },
])('a checkpoint with a fault in $part', ({ corruptions }) => {
  it.each(corruptions)('is refused, with its reason: $title', ({ damage, code, message }) => {
    using copy = new CheckpointCopy();
    damage(copy);
    expect(refusalOf(copy.directory)).toEqual({ code, message: `${code}: ${message}` });
  });
});
