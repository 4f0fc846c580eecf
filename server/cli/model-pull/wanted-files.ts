import { posix } from 'node:path';
import { z } from 'zod';
import { checkpointFileNames } from '../../../inference/index.ts';
import { ServerError } from '../../errors.ts';
import type { HubFile, HubModel } from './hub.ts';

const IndexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** The files of a repository that the runtime needs, of all that lies there. */
export interface WantedFiles {
  /** Small ones, which say what the others are and were read for it. */
  readonly descriptions: readonly HubFile[];
  readonly contents: readonly HubFile[];
}

/**
 * @param textOf reads a small file of the repository.
 * @throws ServerError `MODEL_INCOMPLETE`; InferenceError `CHECKPOINT_CONFIG_INVALID`; what `textOf` throws.
 */
export async function wantedFiles(model: HubModel, textOf: (file: HubFile) => Promise<string>): Promise<WantedFiles> {
  const descriptions: HubFile[] = [];
  const read = (file: HubFile): Promise<string> => {
    descriptions.push(file);
    return textOf(file);
  };
  const config = model.files.get('config.json');
  const names = checkpointFileNames(config ? await read(config) : '{}');
  if (names.mimiConfig !== undefined) await read(fileOf(model, names.mimiConfig));
  const index = model.files.get(`${names.lm}.index.json`);
  const isSharded = index !== undefined && !model.files.has(names.lm);
  const lm = isSharded ? shardsOf(index.name, await read(index)) : [names.lm];
  return {
    descriptions,
    contents: [names.tokenizer, names.mimi, ...lm].map((name) => fileOf(model, name)),
  };
}

function fileOf({ files, repository, commit }: HubModel, name: string): HubFile {
  const file = files.get(name);
  if (!file) throw new ServerError('MODEL_INCOMPLETE', `${repository} at ${commit}: there is no ${name}`);
  return file;
}

function shardsOf(indexName: string, text: string): string[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ServerError('MODEL_INCOMPLETE', `${indexName} is not JSON`, { cause });
  }
  const index = IndexSchema.safeParse(json);
  if (!index.success) throw new ServerError('MODEL_INCOMPLETE', `${indexName} names no shards`);
  return [...new Set(Object.values(index.data.weight_map))].map((name) => posix.join(posix.dirname(indexName), name));
}
