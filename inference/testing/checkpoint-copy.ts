import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { babbleTokenizer } from '../untrained/tokenizer.ts';
import { type RawTensor, readRawSafetensors, writeRawSafetensors } from './raw-safetensors.ts';

const FIXTURES = join(import.meta.dirname, '../golden/fixtures');
/** Text vocabulary of the fixtures. */
const PIECE_COUNT = 64;

type Json = Record<string, unknown>;
type JsonFile = 'config.json' | 'mimi_config.json' | 'transcriber/config.json';
type TensorFile = 'model.safetensors' | 'mimi.safetensors' | 'transcriber/model.safetensors';

/** A fixture's checkpoint in a folder of its own, complete with a tokenizer, for a test to change. */
export class CheckpointCopy implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'parley-checkpoint-'));

  constructor(fixture: 'conditioned' | 'transcriber' = 'conditioned') {
    const lm = ['config.json', 'mimi_config.json', 'model.safetensors'];
    for (const name of lm) copyFileSync(join(FIXTURES, fixture, name), this.path(name));
    // The codecs of all fixtures have the same dimensions; the transcriber needs codebooks that this one lacks.
    copyFileSync(join(FIXTURES, 'conditioned/mimi.safetensors'), this.path('mimi.safetensors'));
    writeFileSync(this.path('tokenizer.model'), babbleTokenizer(PIECE_COUNT));
  }

  get directory(): string {
    return this.#root;
  }

  path(name: string): string {
    return join(this.#root, name);
  }

  editJson(name: JsonFile, edit: (json: Json) => void): this {
    const json: Json = JSON.parse(readFileSync(this.path(name), 'utf8'));
    edit(json);
    writeFileSync(this.path(name), JSON.stringify(json));
    return this;
  }

  tensors(name: TensorFile): Map<string, RawTensor> {
    return readRawSafetensors(this.path(name));
  }

  editTensors(name: TensorFile, edit: (tensors: Map<string, RawTensor>) => void): this {
    const tensors = this.tensors(name);
    edit(tensors);
    writeRawSafetensors(this.path(name), tensors);
    return this;
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
