import { statSync } from 'node:fs';
import { join } from 'node:path';
import { hashOfFiles } from '../cache/kept-hash.ts';
import { InferenceError } from '../errors.ts';
import { type CheckpointConfig, type LmConfig, readCheckpointConfig } from './config.ts';
import { expectedLmTensors, expectedMimiTensors } from './expected-tensors.ts';
import { TensorStore } from './safetensors.ts';
import { Tokenizer } from './tokenizer.ts';
import { readTranscriberConfig, TRANSCRIBER_FOLDER, type TranscriberConfig } from './transcriber-config.ts';
import { Weights } from './weights.ts';

/** A model that writes down what the caller says, over the codes of the model that answers. */
export interface TranscriberPart {
  readonly lm: LmConfig;
  readonly weights: Weights;
  readonly tokenizer: Tokenizer;
}

/**
 * A checkpoint directory in Kyutai's layout, validated when opened. The parts are opened when first asked for, since
 * tools may need the language model or Mimi alone.
 */
export class Checkpoint {
  readonly directory: string;
  readonly config: CheckpointConfig;
  readonly #stores: TensorStore[] = [];
  #lm: Weights | undefined;
  #mimi: Weights | undefined;
  #tokenizer: Tokenizer | undefined;
  readonly #transcriberConfig: TranscriberConfig | undefined;
  #transcriber: TranscriberPart | undefined;

  /** @throws InferenceError `CHECKPOINT_FILE_MISSING`, `CHECKPOINT_CONFIG_INVALID` */
  constructor(directory: string) {
    this.directory = directory;
    this.config = readCheckpointConfig(directory);
    this.#transcriberConfig = readTranscriberConfig(directory, this.config);
  }

  /** @throws InferenceError `CHECKPOINT_FILE_*`, `CHECKPOINT_TENSOR_*` */
  get lm(): Weights {
    this.#lm ??= this.#open(this.config.files.lm, (weights) => weights.validate(expectedLmTensors(this.config.lm)));
    return this.#lm;
  }

  /** @throws InferenceError `CHECKPOINT_FILE_*`, `CHECKPOINT_TENSOR_*`, `CHECKPOINT_CONFIG_INVALID` */
  get mimi(): Weights {
    const { lm, mimi } = this.config;
    const usedCount = Math.max(lm.agentCodebookCount, lm.userCodebookCount);
    if (usedCount > mimi.codebookCount || mimi.binCount !== lm.audioCard) {
      const found = `${mimi.codebookCount} codebooks of ${mimi.binCount}`;
      const expected = `at least ${usedCount} of ${lm.audioCard}`;
      throw new InferenceError(
        'CHECKPOINT_CONFIG_INVALID',
        `${this.directory}: quantizer: found ${found}, expected ${expected}`,
      );
    }
    this.#mimi ??= this.#open(this.config.files.mimi, (weights) =>
      weights.validate(expectedMimiTensors(mimi, usedCount)),
    );
    return this.#mimi;
  }

  /** @throws InferenceError `CHECKPOINT_FILE_*` */
  get tokenizer(): Tokenizer {
    this.#tokenizer ??= new Tokenizer(this.config.files.tokenizer);
    return this.#tokenizer;
  }

  /** Undefined where the checkpoint has none. @throws InferenceError `CHECKPOINT_FILE_*`, `CHECKPOINT_TENSOR_*` */
  get transcriber(): TranscriberPart | undefined {
    if (!this.#transcriberConfig) return undefined;
    const { lm, files } = this.#transcriberConfig;
    this.#transcriber ??= {
      lm,
      weights: naming(files.lm, () => this.#open(files.lm, (weights) => weights.validate(expectedLmTensors(lm)))),
      tokenizer: files.tokenizer === this.config.files.tokenizer ? this.tokenizer : new Tokenizer(files.tokenizer),
    };
    return this.#transcriber;
  }

  /** Opens and checks every part, so that a bad file is reported before a call is taken. */
  validate(): void {
    void this.lm;
    void this.mimi;
    const { config, transcriber } = this;
    demandPieces(this.tokenizer, config.files.tokenizer, config.lm);
    if (transcriber) demandPieces(transcriber.tokenizer, this.#transcriberConfig!.files.tokenizer, transcriber.lm);
  }

  /**
   * @param cacheDirectory where the hash of files that have not changed is kept; absent: every byte is read.
   * @returns a hex SHA-256 over the configuration, every weight file and the tokenizer.
   */
  hash(cacheDirectory?: string): Promise<string> {
    const paths = [join(this.directory, 'config.json'), ...this.#filePaths(), this.config.files.tokenizer];
    if (this.#transcriberConfig) {
      paths.push(join(this.directory, TRANSCRIBER_FOLDER, 'config.json'), this.#transcriberConfig.files.tokenizer);
    }
    return hashOfFiles(paths, JSON.stringify(this.config.mimi), cacheDirectory);
  }

  /** Size of the weight files. */
  get weightBytes(): number {
    return this.#filePaths().reduce((sum, path) => sum + statSync(path).size, 0);
  }

  close(): void {
    for (const store of this.#stores.splice(0)) store.close();
    this.#lm = undefined;
    this.#mimi = undefined;
    this.#transcriber = undefined;
  }

  #filePaths(): string[] {
    void this.lm;
    void this.mimi;
    void this.transcriber;
    return this.#stores.flatMap((store) => store.filePaths).toSorted();
  }

  #open(path: string, validate: (weights: Weights) => void): Weights {
    const store = new TensorStore(path);
    const weights = new Weights(store);
    try {
      validate(weights);
    } catch (error) {
      store.close();
      throw error;
    }
    this.#stores.push(store);
    return weights;
  }
}

/** Names the file of a faulty tensor, whose key the model that answers has too. */
function naming<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof InferenceError && error.code.startsWith('CHECKPOINT_TENSOR_'))) throw error;
    throw new InferenceError(error.code, `${path}: ${error.message.slice(error.code.length + 2)}`, { cause: error });
  }
}

function demandPieces({ pieceCount }: Tokenizer, path: string, { textCard }: LmConfig): void {
  if (pieceCount <= textCard) return;
  const detail = `${path}: found ${pieceCount} pieces, expected at most ${textCard}`;
  throw new InferenceError('CHECKPOINT_FILE_INVALID', detail);
}
