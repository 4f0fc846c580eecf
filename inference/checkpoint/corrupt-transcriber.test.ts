import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Corruption, refusalOf } from '../testing/corruption.ts';
import { f32Tensor, writeRawSafetensors } from '../testing/raw-safetensors.ts';
import { transcribedCopy } from '../testing/transcribed-copy.ts';
import { babbleTokenizer } from '../untrained/tokenizer.ts';

const CONFIG = 'transcriber/config.json';
const LM = 'transcriber/model.safetensors';

function disagreeing(key: string, value: unknown, found: string, expected: string): Corruption {
  return {
    title: `${key} is ${found}`,
    damage: (copy) =>
      copy.editJson(CONFIG, (json) => {
        json[key] = value;
        if (key === 'n_q') json.delays = Array.from({ length: 1 + Number(value) }, () => 0);
      }),
    code: 'CHECKPOINT_CONFIG_INVALID',
    message: `DIR/${CONFIG}: ${key}: found ${found}, expected ${expected}`,
  };
}

const CORRUPTIONS: readonly Corruption[] = [
  {
    title: 'a folder without config.json',
    damage: (copy) => rmSync(copy.path(CONFIG)),
    code: 'CHECKPOINT_FILE_MISSING',
    message: `DIR/${CONFIG}`,
  },
  {
    title: 'a configuration that is not JSON',
    damage: (copy) => writeFileSync(copy.path(CONFIG), '{'),
    code: 'CHECKPOINT_CONFIG_INVALID',
    message: `DIR/${CONFIG} is not JSON`,
  },
  disagreeing('n_q', 8, '8', '12 as the model hears'),
  disagreeing('card', 2048, '2048', '64 as the model hears'),
  disagreeing('dep_q', 4, '4', '0 of a transcriber'),
  disagreeing('delays', [0, ...Array(11).fill(0), 6], '6', '0 for every stream'),
  {
    title: 'conditions',
    damage: (copy) =>
      copy.editJson(CONFIG, (json) => {
        const lut = { n_bins: 2, dim: 4, tokenizer: 'noop', possible_values: ['en', 'fr'] };
        Object.assign(json, { conditioners: { language: { type: 'lut', lut } }, fuser: { sum: ['language'] } });
      }),
    code: 'CHECKPOINT_CONFIG_INVALID',
    message: `DIR/${CONFIG}: fuser.sum: found language, expected no conditions`,
  },
  {
    title: 'no weights',
    damage: (copy) => rmSync(copy.path(LM)),
    code: 'CHECKPOINT_FILE_MISSING',
    message: `DIR/${LM}`,
  },
  {
    title: 'weights cut short',
    damage: (copy) => truncateSync(copy.path(LM), 4),
    code: 'CHECKPOINT_FILE_INVALID',
    message: `DIR/${LM}: 4 bytes is too short for a header`,
  },
  {
    title: 'a tensor of another shape',
    damage: (copy) =>
      copy.editTensors(LM, (tensors) => tensors.set('out_norm.alpha', f32Tensor([1, 48], new Float32Array(48)))),
    code: 'CHECKPOINT_TENSOR_INVALID',
    message: `DIR/${LM}: out_norm.alpha: found [1, 48], expected [1, 1, 48]`,
  },
  {
    title: 'a tensor missing',
    damage: (copy) => copy.editTensors(LM, (tensors) => tensors.delete('emb.11.weight')),
    code: 'CHECKPOINT_TENSOR_MISSING',
    message: `DIR/${LM}: emb.11.weight: expected [65, 48]`,
  },
  {
    title: 'a tokenizer of its own with more pieces than it knows',
    damage: (copy) => writeFileSync(copy.path('transcriber/tokenizer.model'), babbleTokenizer(65)),
    code: 'CHECKPOINT_FILE_INVALID',
    message: 'DIR/transcriber/tokenizer.model: found 65 pieces, expected at most 64',
  },
];

describe('a checkpoint with a faulty transcriber', () => {
  it.each(CORRUPTIONS)('is refused, with its reason: $title', ({ damage, code, message }) => {
    using copy = transcribedCopy();
    damage(copy);
    expect(refusalOf(copy.directory)).toEqual({ code, message: `${code}: ${message}` });
  });
});

describe('a checkpoint with a transcriber', () => {
  it.each([
    { title: "the parent's tokenizer", prepare: () => undefined },
    {
      title: 'a tokenizer of its own',
      prepare: (path: (name: string) => string) =>
        writeFileSync(path('transcriber/tokenizer.model'), babbleTokenizer(32)),
    },
  ])('is taken with $title', ({ prepare }) => {
    using copy = transcribedCopy();
    prepare((name) => copy.path(name));
    expect(refusalOf(copy.directory)).toBeUndefined();
  });

  it('may lack the heads for pauses that its configuration names, which are not asked', () => {
    using copy = transcribedCopy().editTensors(LM, (tensors) => {
      for (let i = 0; i < 4; i++) expect(tensors.delete(`extra_heads.${i}.weight`)).toBe(true);
    });
    expect(refusalOf(copy.directory)).toBeUndefined();
  });

  it('may have its weights in shards', () => {
    using copy = transcribedCopy();
    const tensors = [...copy.tensors(LM)];
    rmSync(copy.path(LM));
    const weight_map = Object.fromEntries(tensors.map(([key], i) => [key, `part-${i % 2}.safetensors`]));
    for (const part of [0, 1]) {
      const own = new Map(tensors.filter((_, i) => i % 2 === part));
      writeRawSafetensors(copy.path(`transcriber/part-${part}.safetensors`), own);
    }
    writeFileSync(copy.path(`${LM}.index.json`), JSON.stringify({ weight_map }));
    expect(refusalOf(copy.directory)).toBeUndefined();
  });
});
