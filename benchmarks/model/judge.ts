import type { Conversation } from './conversation.ts';
import type { Domain, Intent } from './domain.ts';
import type { Ear } from './ear.ts';
import { loudSpans } from './level.ts';
import type { Prompt } from './manifest.ts';
import { heardFrom, samplesIn } from './timing.ts';
import { inWords, wordErrors, wordsOf } from './words.ts';

/** An answer that has no pattern of its own is told by its words: at most one in three may be wrong. */
const WRONG_WORDS_MAX = 1 / 3;
/** A recogniser loses words at the very edges. */
const MARGIN_MS = 100;

/** What the agent was heard to say, in lower-case words. A sound that is no words is not silence. */
export interface Heard {
  readonly isSilent: boolean;
  readonly text: string;
}

export const SILENCE: Heard = { isSilent: true, text: '' };

/** Tells what the agent said from a time of a call on. */
export type Listener = (conversation: Conversation, fromMs: number) => Promise<Heard>;

/** Listens to the agent's sound; without a recogniser, reads its text. */
export function listener(ear: Ear | undefined): Listener {
  return async (conversation, fromMs) => {
    const pcm = heardFrom(conversation.agent, fromMs);
    const spans = loudSpans(pcm, Number.POSITIVE_INFINITY);
    const [span] = spans;
    if (!span) return SILENCE;
    const sound = pcm.subarray(Math.max(0, samplesIn(span.startMs - MARGIN_MS)), samplesIn(span.endMs + MARGIN_MS));
    return { isSilent: false, text: ear ? await ear.hear(sound) : inWords(conversation.textFrom(fromMs)) };
  };
}

/** Whether what was heard answers a prompt to which nothing was recalled. */
export function isAnswer(domain: Domain, { intent, slots }: Pick<Prompt, 'intent' | 'slots'>, heard: Heard): boolean {
  if (intent.kind === 'stop') return heard.isSilent;
  if (intent.kind === 'recall') return intent.without!.some((answer) => isNearly(answer, heard.text));
  return domain.acceptPattern(intent, slots)!.test(heard.text);
}

function isNearly(answer: string, heard: string): boolean {
  const wanted = inWords(answer);
  return wordErrors(wanted, heard) <= wordsOf(wanted).length * WRONG_WORDS_MAX;
}

/** What an agent reaches that hears nothing. */
export interface Chance {
  /** The one answer that suits the most prompts; '' is silence. */
  readonly bestConstant: string;
  readonly bestConstantShare: number;
  /** One in the number of intents. */
  readonly guess: number;
}

export function chanceOf(domain: Domain, prompts: readonly Prompt[]): Chance {
  const cases = new Map<string, { readonly prompt: Prompt; count: number }>();
  const answers = new Set<string>();
  for (const prompt of prompts) {
    const key = `${prompt.intent.id} ${JSON.stringify(prompt.slots)}`;
    const known = cases.get(key);
    if (known) known.count++;
    else {
      cases.set(key, { prompt, count: 1 });
      for (const answer of answersTo(domain, prompt.intent, prompt.slots)) answers.add(inWords(answer));
    }
  }
  let [bestConstant, bestCount] = ['', 0];
  for (const heard of [SILENCE, ...[...answers].map((text) => ({ isSilent: false, text }))]) {
    let count = 0;
    for (const { prompt, count: times } of cases.values()) if (isAnswer(domain, prompt, heard)) count += times;
    if (count > bestCount) [bestConstant, bestCount] = [heard.text, count];
  }
  return {
    bestConstant,
    bestConstantShare: bestCount / prompts.length,
    guess: 1 / new Set(prompts.map(({ intent }) => intent.id)).size,
  };
}

function answersTo(domain: Domain, intent: Intent, slots: Prompt['slots']): string[] {
  if (intent.kind === 'recall') return [...intent.without!];
  return intent.say.flatMap((say) => domain.fill(say, slots) ?? []);
}
