import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointCopy } from './checkpoint-copy.ts';
import type { RawTensor } from './raw-safetensors.ts';

const TRANSCRIBER = join(import.meta.dirname, '../golden/fixtures/transcriber');
const AGENT_CODEBOOKS = 4;
/** As many as the transcriber of the fixtures reads. */
const USER_CODEBOOKS = 12;

/**
 * A model that hears all twelve codebooks that the fixtures' transcriber reads, with that transcriber beside it. What it
 * lacks for that repeats what it has: its own words mean nothing, while the transcriber is the recorded one.
 */
export function transcribedCopy(): CheckpointCopy {
  const copy = new CheckpointCopy()
    .editJson('config.json', (json) => {
      const delays = (json.delays as number[]).slice(0, 1 + AGENT_CODEBOOKS);
      json.n_q = AGENT_CODEBOOKS + USER_CODEBOOKS;
      json.delays = [...delays, ...Array.from({ length: USER_CODEBOOKS }, () => 0)];
    })
    .editJson('mimi_config.json', (json) => {
      (json.quantizer as { n_q: number }).n_q = USER_CODEBOOKS;
    })
    .editTensors('model.safetensors', (tensors) => {
      for (let i = 8; i < AGENT_CODEBOOKS + USER_CODEBOOKS; i++) repeat(tensors, `emb.${i - 4}.`, `emb.${i}.`);
    })
    .editTensors('mimi.safetensors', (tensors) => {
      const layer = (i: number) => `quantizer.rvq_rest.vq.layers.${i}.`;
      for (let i = 3; i < USER_CODEBOOKS - 1; i++) repeat(tensors, layer(i - 3), layer(i));
    });
  mkdirSync(copy.path('transcriber'));
  for (const name of ['config.json', 'model.safetensors']) {
    copyFileSync(join(TRANSCRIBER, name), copy.path(join('transcriber', name)));
  }
  return copy;
}

function repeat(tensors: Map<string, RawTensor>, from: string, to: string): void {
  for (const [key, tensor] of [...tensors]) if (key.startsWith(from)) tensors.set(key.replace(from, to), tensor);
}
