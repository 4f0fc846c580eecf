import { cacheFolder } from '../cache-folder.mjs';
import { type Engine, FRAME_SAMPLES } from '../engine/engine.ts';
import { InferenceError } from '../errors.ts';

export interface EngineChoice {
  /** `moshi` or `loopback`. */
  readonly engine: string;
  readonly slotCount: number;
  /** `moshi`: its checkpoint. Default: an untrained one, made on first use. */
  readonly modelDir?: string;
  /** `moshi`: where its graphs and the untrained checkpoint are kept between starts. Default
   * `parley` in `$XDG_CACHE_HOME` or `~/.cache`. */
  readonly cacheDir?: string;
  /** `moshi`: threads of one step. Default: every core. */
  readonly threadCount?: number;
  /** `loopback`: how long a step takes. Default 0. */
  readonly simulatedStepMs?: number;
  /** Told, in a line each, how the loading of `modelDir` goes on; the default model is there in a second. */
  readonly tell?: (line: string) => void;
}

const SLOTS_MAX = 1024;

/**
 * Makes the engine of a name. Each is loaded only when asked for: a loopback worker starts without the model's runtime.
 * @throws InferenceError `ENGINE_UNKNOWN`, `SLOT_COUNT_INVALID`, and what the engine throws over its checkpoint.
 */
export async function createEngine(choice: EngineChoice): Promise<Engine> {
  const { engine, slotCount } = choice;
  if (!(Number.isInteger(slotCount) && slotCount >= 1 && slotCount <= SLOTS_MAX)) {
    throw new InferenceError('SLOT_COUNT_INVALID', `${slotCount} slots`);
  }
  switch (engine) {
    case 'loopback': {
      const { LoopbackEngine } = await import('../loopback/loopback-engine.ts');
      return new LoopbackEngine({ slotCount, simulatedStepMs: choice.simulatedStepMs ?? 0 });
    }
    case 'moshi': {
      const cacheDirectory = choice.cacheDir ?? cacheFolder(process.env);
      const { MoshiEngine } = await import('../moshi/moshi-engine.ts');
      const { defaultModelDirectory } = await import('../untrained/default-model.ts');
      return MoshiEngine.load({
        modelDirectory: choice.modelDir ?? (await defaultModelDirectory(cacheDirectory)),
        slotCount,
        cacheDirectory,
        ...(choice.threadCount !== undefined && { threadCount: choice.threadCount }),
        ...(choice.modelDir !== undefined && choice.tell && { tell: choice.tell }),
      });
    }
    default:
      throw new InferenceError('ENGINE_UNKNOWN', engine);
  }
}

/**
 * Steps silence once at every batch size that an engine may choose: a runtime allocates at the first step of a size,
 * and no call should wait for that.
 */
export async function warmUp(engine: Engine): Promise<void> {
  engine.openSlot(0, { seed: 0n });
  const inputs = [{ slot: 0, pcm: new Float32Array(FRAME_SAMPLES) }];
  for (let size = 1; size < engine.info.slotCount; size *= 2) await engine.step(inputs, size);
  await engine.step(inputs, engine.info.slotCount);
  engine.closeSlot(0);
}
