import { cacheFolder, type EngineChoice } from '../../inference/index.ts';
import { modelDirectory } from '../pulled-models.ts';

/** The flags of every command that runs an engine itself. */
export interface EngineFlags {
  readonly engine: string;
  /** A directory, or `owner/name` of a pulled model. */
  readonly model?: string;
  readonly cache?: string;
  readonly threads?: number;
}

/** @throws ServerError `MODEL_NOT_PULLED` */
export function engineChoice({ engine, model, cache, threads }: EngineFlags, slotCount: number): EngineChoice {
  return {
    engine,
    slotCount,
    // Standard output is for what the command finds out.
    tell: console.error,
    ...(model !== undefined && { modelDir: modelDirectory(model, cache ?? cacheFolder(process.env)) }),
    ...(cache !== undefined && { cacheDir: cache }),
    ...(threads !== undefined && { threadCount: threads }),
  };
}
