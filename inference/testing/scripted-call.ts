import { type Engine, FRAME_SAMPLES, type SlotInput, type SlotOptions, type SlotOutput } from '../engine/engine.ts';
import { uniform } from '../moshi/random.ts';

const DESCRIPTIONS = ['very_bad', 'neutral', 'very_good'];

export interface CallScript {
  /** Everything that the call does follows from it: sound, forcing, sampling, condition. */
  readonly number: number;
  /** Forces text, codes and added vectors in some steps. */
  readonly isForced: boolean;
}

/** @returns what the call asks of its slot: sampled, with seed, temperatures and condition of its own. */
export function slotOptions({ number }: CallScript): SlotOptions {
  const attributes = number % 4 === 3 ? {} : { description: DESCRIPTIONS[number % 3]! };
  const sampling = number % 2 === 0 ? {} : { textTemperature: 1.1, audioTemperature: 1.3, textTopK: 50, audioTopK: 40 };
  return { seed: BigInt(1000 + number), sampling, attributes };
}

/** @returns what the call sends in its step `step`: a tone that glides through noise, and what it forces. */
export function scriptedInput(script: CallScript, step: number, slot: number, engine: Pick<Engine, 'info'>): SlotInput {
  const chance = (choice: number) => uniform(BigInt(script.number), step, choice);
  const startHz = 100 + 800 * uniform(BigInt(script.number), 0, 9);
  const loudness = 0.8 * chance(0);
  const pcm = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => {
    const at = step * FRAME_SAMPLES + i;
    const hiss = ((Math.imul(at + 1, 0x9e37_79b1 ^ script.number) >>> 8) / 2 ** 24 - 0.5) * 0.1;
    return loudness * Math.sin((2 * Math.PI * (startHz + step) * at) / 24_000) + hiss;
  });
  if (!script.isForced) return { slot, pcm };
  const { agentCodebookCount, inputDim, textVocabularySize, codebookSize } = engine.info;
  return {
    slot,
    pcm,
    ...(chance(1) < 0.3 && { forcedText: Math.floor(chance(2) * textVocabularySize) }),
    ...(chance(3) < 0.3 && {
      forcedAudio: Int32Array.from({ length: agentCodebookCount }, (_, q) =>
        chance(10 + q) < 0.5 ? -1 : Math.floor(chance(20 + q) * codebookSize),
      ),
    }),
    ...(chance(4) < 0.3 && { addToInput: Float32Array.from({ length: inputDim }, (_, i) => chance(30 + i) - 0.5) }),
  };
}

/** Everything that an output says, as bits. */
export function bitsOf({ pcm, textToken, text, transcript, fault }: SlotOutput): string {
  return `${textToken}|${text}|${transcript ?? ''}|${fault ?? ''}|${Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString('base64')}`;
}

/** Plays a call from its beginning with nobody else running. @returns the bits of each of its steps. */
export async function playAlone(
  engine: Engine,
  script: CallScript,
  { slot, stepCount, batchSize }: { readonly slot: number; readonly stepCount: number; readonly batchSize: number },
): Promise<string[]> {
  engine.openSlot(slot, slotOptions(script));
  const bits: string[] = [];
  for (let step = 0; step < stepCount; step++) {
    const [output] = await engine.step([scriptedInput(script, step, slot, engine)], batchSize);
    bits.push(bitsOf(output!));
  }
  engine.closeSlot(slot);
  return bits;
}
