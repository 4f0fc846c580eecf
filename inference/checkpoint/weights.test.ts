import { describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../testing/checkpoint-copy.ts';
import { f32Tensor, type RawTensor } from '../testing/raw-safetensors.ts';
import { Checkpoint } from './checkpoint.ts';

type TensorFile = 'model.safetensors' | 'mimi.safetensors';

/** @returns what `read` gives for a checkpoint after `edit`. */
function readFrom<T>(
  edit: (tensors: Map<string, RawTensor>) => void,
  file: TensorFile,
  read: (checkpoint: Checkpoint) => T,
): T {
  using copy = new CheckpointCopy();
  copy.editTensors(file, edit);
  const checkpoint = new Checkpoint(copy.directory);
  try {
    checkpoint.validate();
    return read(checkpoint);
  } finally {
    checkpoint.close();
  }
}

function rename(ours: string, theirs: string) {
  return (tensors: Map<string, RawTensor>) => {
    for (const [key, tensor] of [...tensors]) {
      if (!key.endsWith(ours)) continue;
      tensors.delete(key);
      tensors.set(key.slice(0, -ours.length) + theirs, tensor);
    }
  };
}

const CODEBOOK = 'quantizer.rvq_rest.vq.layers.1._codebook';
const ATTENTION = 'transformer.layers.1.self_attn.in_proj_weight';

describe('a tensor under the name that another saver gives it', () => {
  it.each([
    { ours: '.cluster_usage', theirs: '.cluster_size' },
    { ours: '.embedding_sum', theirs: '.embed_avg' },
    { ours: '.embedding_sum', theirs: '.embed_sum' },
  ])('is found as $theirs', ({ ours, theirs }) => {
    const centroids = (checkpoint: Checkpoint) => checkpoint.mimi.centroids(CODEBOOK);
    const found = readFrom(rename(ours, theirs), 'mimi.safetensors', centroids);
    expect(found).toEqual(readFrom(() => {}, 'mimi.safetensors', centroids));
    expect(new Set(found).size).toBeGreaterThan(100);
  });

  it.each(['model.safetensors', 'mimi.safetensors'] as const)('is found as in_proj.weight in %s', (file) => {
    const read = (checkpoint: Checkpoint) => [
      checkpoint.lm.tensor(ATTENTION),
      checkpoint.lm.tensor('depformer.layers.0.self_attn.in_proj_weight'),
      checkpoint.mimi.tensor('decoder_transformer.transformer.layers.0.self_attn.in_proj_weight'),
    ];
    expect(readFrom(rename('.in_proj_weight', '.in_proj.weight'), file, read)).toEqual(readFrom(() => {}, file, read));
  });
});

describe('a low-rank embedding', () => {
  it('is the product of its factors, whether the file keeps them apart or not', () => {
    const key = 'depformer_emb.1.weight';
    const table = (checkpoint: Checkpoint) => checkpoint.lm.embedding(key);
    const whole = readFrom(() => {}, 'model.safetensors', table);
    const again = readFrom(
      (tensors) => {
        tensors.delete('depformer_emb.1.low_rank.weight');
        tensors.set(key, f32Tensor([65, 32], whole));
      },
      'model.safetensors',
      table,
    );
    expect(whole).toHaveLength(65 * 32);
    expect(again).toEqual(whole);
  });
});

describe('a codebook', () => {
  it('divides sums by counts, but by no count below the floor of 1e-5', () => {
    const centroids = readFrom(
      (tensors) => {
        tensors.set(`${CODEBOOK}.embedding_sum`, f32Tensor([64, 12], new Float32Array(64 * 12).fill(3)));
        tensors.set(
          `${CODEBOOK}.cluster_usage`,
          f32Tensor(
            [64],
            Float32Array.from({ length: 64 }, (_, bin) => bin),
          ),
        );
      },
      'mimi.safetensors',
      (checkpoint) => checkpoint.mimi.centroids(CODEBOOK),
    );
    expect(centroids[0]).toBe(Math.fround(3 / 1e-5));
    expect(centroids[12 * 2]).toBe(1.5);
    expect(centroids[12 * 64 - 1]).toBe(Math.fround(3 / 63));
  });
});

describe('a weight that is not finite', () => {
  it.each([Number.NaN, Number.NEGATIVE_INFINITY])('is refused: %d', (value) => {
    const read = () =>
      readFrom(
        (tensors) => tensors.set('out_norm.alpha', f32Tensor([1, 1, 48], new Float32Array(48).fill(value, 7, 8))),
        'model.safetensors',
        (checkpoint) => checkpoint.lm.tensor('out_norm.alpha'),
      );
    expect(read).toThrow(`CHECKPOINT_TENSOR_INVALID: out_norm.alpha: value 7 is ${value}`);
  });
});
