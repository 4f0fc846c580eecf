import { InferenceError } from '../errors.ts';
import { LmSchema } from './config-schema.ts';
import { schemaProblems } from './schema-problems.ts';

const NamesSchema = LmSchema.pick({ moshi_name: true, mimi_name: true, mimi_config_name: true, tokenizer_name: true });

/** What a checkpoint directory holds beside config.json. */
export interface CheckpointFileNames {
  /** Absent where `NAME.index.json` and the shards that it names stand for it. */
  readonly lm: string;
  readonly mimi: string;
  readonly mimiConfig: string | undefined;
  readonly tokenizer: string;
}

/**
 * @param configText of config.json; `{}` gives Kyutai's own names.
 * @returns the files that it names, as paths within its directory, whether there or not.
 * @throws InferenceError `CHECKPOINT_CONFIG_INVALID`
 */
export function checkpointFileNames(configText: string): CheckpointFileNames {
  let json: unknown;
  try {
    json = JSON.parse(configText);
  } catch (cause) {
    throw new InferenceError('CHECKPOINT_CONFIG_INVALID', 'config.json is not JSON', { cause });
  }
  const names = NamesSchema.safeParse(json);
  if (!names.success) {
    throw new InferenceError('CHECKPOINT_CONFIG_INVALID', `config.json: ${schemaProblems(names.error, json)}`);
  }
  const { moshi_name: lm, mimi_name: mimi, mimi_config_name: mimiConfig, tokenizer_name: tokenizer } = names.data;
  return { lm, mimi, mimiConfig, tokenizer };
}
