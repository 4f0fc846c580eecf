import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { TensorStore } from '../checkpoint/safetensors.ts';
import { InferenceError } from '../errors.ts';

const CasesSchema = z
  .array(
    z.object({
      name: z.string(),
      kind: z.enum(['mimi', 'lm-teacher', 'lm-greedy', 'duplex', 'sampling', 'personaplex']),
      file: z.string(),
      attributes: z.array(z.record(z.string(), z.string().nullable())).optional(),
    }),
  )
  .min(1);

/** One recorded case of a directory: what the reference was given and what it computed. */
export type GoldenCase = z.infer<typeof CasesSchema>[number];

/** @throws InferenceError `CHECKPOINT_FILE_MISSING`, `CHECKPOINT_FILE_INVALID` */
export function readCases(directory: string): GoldenCase[] {
  const path = join(directory, 'cases.json');
  if (!existsSync(path)) throw new InferenceError('CHECKPOINT_FILE_MISSING', path);
  try {
    return CasesSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new InferenceError('CHECKPOINT_FILE_INVALID', `${path} does not list cases`, { cause });
  }
}

/** A recorded tensor, indexed by all its axes. */
export interface Recording {
  readonly shape: readonly number[];
  at(...indexes: readonly number[]): number;
}

/** The tensors of one case. */
export class Recordings implements Disposable {
  readonly #store: TensorStore;
  readonly #read = new Map<string, Recording>();

  constructor(path: string) {
    this.#store = new TensorStore(path);
  }

  has(name: string): boolean {
    return this.#store.has(name);
  }

  floats(name: string): Recording {
    return this.#recording(name, () => this.#store.float32(name));
  }

  integers(name: string): Recording {
    return this.#recording(name, () => this.#store.integers(name));
  }

  /** When rows start anew and when they run; a case without a schedule runs every row in every step. */
  schedule(): { resets(step: number, row: number): boolean; runs(step: number, row: number): boolean } {
    if (!this.has('run')) return { resets: () => false, runs: () => true };
    const [reset, run] = [this.integers('reset'), this.integers('run')];
    return { resets: (step, row) => reset.at(step, row) === 1, runs: (step, row) => run.at(step, row) === 1 };
  }

  [Symbol.dispose](): void {
    this.#store.close();
  }

  #recording(name: string, read: () => ArrayLike<number>): Recording {
    let recording = this.#read.get(name);
    if (!recording) {
      const values = read();
      const shape = this.#store.shape(name)!;
      const at = (...indexes: readonly number[]) =>
        values[indexes.reduce((offset, index, axis) => offset * shape[axis]! + index, 0)]!;
      recording = { shape, at };
      this.#read.set(name, recording);
    }
    return recording;
  }
}
