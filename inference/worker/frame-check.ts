import { type EngineInfo, FRAME_SAMPLES, type SlotInput } from '../engine/engine.ts';
import { InferenceError } from '../errors.ts';

/**
 * Refuses what the engine would throw over, before it is part of a step that others share.
 * @throws InferenceError `FRAME_INVALID`
 */
export function checkFrame({ pcm, forcedText, forcedAudio, addToInput }: SlotInput, info: EngineInfo): void {
  if (pcm.length !== FRAME_SAMPLES) refuse(`${pcm.length} samples, not ${FRAME_SAMPLES}`);
  if (!areFinite(pcm)) refuse('a sample is not finite');
  if (forcedText !== undefined && !isToken(forcedText, 0, info.textVocabularySize)) {
    refuse(`forced text ${forcedText}, below ${info.textVocabularySize}`);
  }
  if (forcedAudio) {
    if (forcedAudio.length !== info.agentCodebookCount || info.agentCodebookCount === 0) {
      refuse(`${forcedAudio.length} forced codes, not ${info.agentCodebookCount}`);
    }
    const code = forcedAudio.find((value) => !isToken(value, -1, info.codebookSize));
    if (code !== undefined) refuse(`forced code ${code}, from -1 and below ${info.codebookSize}`);
  }
  if (addToInput) {
    if (addToInput.length !== info.inputDim || info.inputDim === 0) {
      refuse(`${addToInput.length} added values, not ${info.inputDim}`);
    }
    if (!areFinite(addToInput)) refuse('an added value is not finite');
  }
}

function refuse(detail: string): never {
  throw new InferenceError('FRAME_INVALID', detail);
}

function isToken(value: number, min: number, end: number): boolean {
  return Number.isInteger(value) && value >= min && value < end;
}

function areFinite(values: Float32Array): boolean {
  for (const value of values) if (!Number.isFinite(value)) return false;
  return true;
}
