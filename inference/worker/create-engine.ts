import type { Engine } from '../engine/engine.ts';
import { InferenceError } from '../errors.ts';

export interface EngineChoice {
  /** `moshi` or `loopback`. */
  readonly engine: string;
  readonly modelDir?: string;
  readonly slotCount: number;
  readonly simulatedStepMs?: number;
}

/**
 * Makes the engine of a name. Each is loaded only when asked for: a loopback worker starts without the model's runtime.
 * @throws InferenceError `ENGINE_UNKNOWN`, and what the engine throws over its checkpoint.
 */
export async function createEngine({ engine, slotCount, simulatedStepMs = 0 }: EngineChoice): Promise<Engine> {
  switch (engine) {
    case 'loopback': {
      const { LoopbackEngine } = await import('../loopback/loopback-engine.ts');
      return new LoopbackEngine({ slotCount, simulatedStepMs });
    }
    default:
      throw new InferenceError('ENGINE_UNKNOWN', engine);
  }
}
