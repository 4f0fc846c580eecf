import type { EngineChoice } from '../../inference/index.ts';

/** The flags of every command that runs an engine itself. */
export interface EngineFlags {
  readonly engine: string;
  readonly model?: string;
  readonly cache?: string;
  readonly threads?: number;
}

export function engineChoice({ engine, model, cache, threads }: EngineFlags, slotCount: number): EngineChoice {
  return {
    engine,
    slotCount,
    // Standard output is for what the command finds out.
    tell: console.error,
    ...(model !== undefined && { modelDir: model }),
    ...(cache !== undefined && { cacheDir: cache }),
    ...(threads !== undefined && { threadCount: threads }),
  };
}
