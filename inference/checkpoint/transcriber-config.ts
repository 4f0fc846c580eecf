import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CheckpointConfig, demand, type LmConfig, readLmConfig, shapeOf } from './config.ts';

/** Folder of a checkpoint that holds a transcriber: config.json and weights, as Kyutai's STT checkpoints have them. */
export const TRANSCRIBER_FOLDER = 'transcriber';

export interface TranscriberConfig {
  readonly lm: LmConfig;
  readonly files: {
    readonly lm: string;
    /** The transcriber's own where it is there, else that of the model that answers. */
    readonly tokenizer: string;
  };
}

/**
 * Reads what a checkpoint says of the model that writes down the caller's words. It hears by the Mimi of the model that
 * answers, so it must know the same codes; the Mimi that it names itself is not looked for.
 *
 * @returns undefined for a checkpoint without one.
 * @throws InferenceError `CHECKPOINT_FILE_MISSING`, `CHECKPOINT_CONFIG_INVALID`
 */
export function readTranscriberConfig(directory: string, parent: CheckpointConfig): TranscriberConfig | undefined {
  const folder = join(directory, TRANSCRIBER_FOLDER);
  if (!existsSync(folder)) return undefined;
  const { lm, names } = readLmConfig(folder);
  shapeOf(join(folder, 'config.json'), () => demandSameCodes(lm, parent.lm));
  const tokenizer = join(folder, names.tokenizer_name);
  return {
    // Heads for pauses are not asked here, and published weights may lack those that their configuration names.
    lm: { ...lm, extraHeadCount: 0 },
    files: {
      lm: join(folder, names.moshi_name),
      tokenizer: existsSync(tokenizer) ? tokenizer : parent.files.tokenizer,
    },
  };
}

function demandSameCodes(lm: LmConfig, answering: LmConfig): void {
  demand(lm.depformer === undefined, 'dep_q', '0 of a transcriber', lm.agentCodebookCount);
  const { userCodebookCount, audioCard } = answering;
  demand(lm.codebookCount === userCodebookCount, 'n_q', `${userCodebookCount} as the model hears`, lm.codebookCount);
  demand(lm.audioCard === audioCard, 'card', `${audioCard} as the model hears`, lm.audioCard);
  const late = lm.delays.find((delay) => delay !== 0);
  demand(late === undefined, 'delays', '0 for every stream', late);
  demand(lm.conditioners.size === 0, 'fuser.sum', 'no conditions', [...lm.conditioners.keys()]);
}
