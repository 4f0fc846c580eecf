import { type Engine, InferenceError } from '../../inference/index.ts';
import { callerTrack } from './answers.ts';
import { Conversation, holdCalls } from './conversation.ts';
import { type Domain, isHeldOut, recallableNames } from './domain.ts';
import type { Listener } from './judge.ts';
import { type Prompt, readPromptSound } from './manifest.ts';

/** The conditioner that takes a text to recall. */
const CONDITIONER = 'recalled';
const INTENT = 'recall-name';
const SLOT = 'NAME';
const NAMES_MAX = 60;
const TAIL_MS = 6000;

/** @returns names that the training never gives as a condition, by the hash that holds out wordings, all over the list. */
export function heldOutNames(domain: Domain): string[] {
  const names = recallableNames(domain).filter((name) => isHeldOut(name.toLowerCase()));
  const count = Math.min(NAMES_MAX, names.length);
  return Array.from({ length: count }, (_, i) => names[Math.floor((i * names.length) / count)]!);
}

/** Whether the engine's checkpoint takes a text to recall. The engine has to be idle. */
export function canRecall(engine: Engine): boolean {
  try {
    engine.openSlot(0, { seed: 0n, attributes: { [CONDITIONER]: '' } });
  } catch (error) {
    if (error instanceof InferenceError && error.code === 'ATTRIBUTE_UNKNOWN') return false;
    throw error;
  }
  engine.closeSlot(0);
  return true;
}

/**
 * Asks for the caller's name, once where it was given as the condition and once where nothing was.
 * @param prompts those of the intent `recall-name` are asked in turn, one for each held-out name.
 */
export async function measureRecall(engine: Engine, domain: Domain, prompts: readonly Prompt[], listen: Listener) {
  const asked = prompts.filter(({ intent }) => intent.id === INTENT);
  const intent = domain.intent(INTENT)!;
  const raw: { readonly name: string; readonly isGiven: boolean; readonly heard: string; readonly isRight: boolean }[] =
    [];
  async function* calls() {
    if (asked.length === 0) return;
    for (const [seed, name] of heldOutNames(domain).entries()) {
      const sound = await readPromptSound(asked[seed % asked.length]!);
      for (const isGiven of [true, false]) {
        const { caller, speech } = callerTrack(sound, seed, TAIL_MS);
        const recalled = domain.fill(intent.recalled!, { [SLOT]: name })!.toLowerCase();
        const attributes = isGiven ? { [CONDITIONER]: recalled } : {};
        yield { name, isGiven, speech, conversation: new Conversation({ caller, seed, attributes }) };
      }
    }
  }
  await holdCalls(engine, calls(), async ({ name, isGiven, speech, conversation }) => {
    const heard = await listen(conversation, speech.endMs);
    const isRight = domain.acceptPattern(intent, { [SLOT]: name })!.test(heard.text);
    raw.push({ name, isGiven, heard: heard.text, isRight });
  });
  const accuracy = (isGiven: boolean) => {
    const cases = raw.filter((row) => row.isGiven === isGiven);
    return cases.filter(({ isRight }) => isRight).length / cases.length;
  };
  const metrics: Record<string, number> =
    raw.length > 0 ? { recall_accuracy: accuracy(true), recall_accuracy_without: accuracy(false) } : {};
  return { metrics, raw };
}
