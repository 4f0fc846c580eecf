import { InferenceError } from '../errors.ts';
import { type EngineInfo, FRAME_SAMPLES, type SlotInput } from './engine.ts';

/**
 * What every engine takes, by what it states of itself; a worker asks before a frame is part of a step that others share.
 * @throws InferenceError `FRAME_INVALID`
 */
export function checkFrame(input: SlotInput, info: EngineInfo): void {
  const problem = problemOf(input, info);
  if (problem) throw new InferenceError('FRAME_INVALID', `slot ${input.slot}: ${problem}`);
}

function problemOf({ pcm, forcedText, forcedAudio, addToInput }: SlotInput, info: EngineInfo): string | undefined {
  const { textVocabularySize, agentCodebookCount, codebookSize, inputDim } = info;
  if (pcm.length !== FRAME_SAMPLES) return `${pcm.length} samples, not ${FRAME_SAMPLES}`;
  if (!areFinite(pcm)) return 'a sample that is not a finite number';
  if (forcedText !== undefined && !isToken(forcedText, 0, textVocabularySize)) {
    return `text token ${forcedText}, not below ${textVocabularySize}`;
  }
  if (forcedAudio) {
    if (forcedAudio.length !== agentCodebookCount || agentCodebookCount === 0) {
      return `${forcedAudio.length} codes, not ${agentCodebookCount}`;
    }
    const code = forcedAudio.find((value) => !isToken(value, -1, codebookSize));
    if (code !== undefined) return `code ${code}, not from -1 and below ${codebookSize}`;
  }
  if (addToInput) {
    if (addToInput.length !== inputDim || inputDim === 0) return `${addToInput.length} added values, not ${inputDim}`;
    if (!areFinite(addToInput)) return 'an added value that is not a finite number';
  }
  return undefined;
}

function isToken(value: number, min: number, end: number): boolean {
  return Number.isInteger(value) && value >= min && value < end;
}

function areFinite(values: Float32Array): boolean {
  for (const value of values) if (!Number.isFinite(value)) return false;
  return true;
}
