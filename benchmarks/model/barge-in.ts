import type { Engine } from '../../inference/index.ts';
import { callerTrack, timeMetrics } from './answers.ts';
import { Conversation, holdCalls } from './conversation.ts';
import type { Domain } from './domain.ts';
import type { Span } from './level.ts';
import { type Prompt, type PromptSound, readPromptSound } from './manifest.ts';
import { addAt } from './sounds.ts';
import { bargeInMs, heardSpans } from './timing.ts';
import { wordsOf } from './words.ts';

/** The caller interrupts so long after the agent began, */
const INTO_ANSWER_MS = 400;
/** and only where the agent, left alone, would have spoken on for at least so long. */
const REMAINING_MS_MIN = 1200;
const TAIL_MS = 6000;
/** Longer silence is the end of what was interrupted: an agent may begin anew soon. Within a sentence it is shorter. */
const PAUSE_MS_MAX = 300;
/** Answers tried for each case that is wanted: some are too short. */
const TRIES_PER_CASE = 2;

interface Interruption {
  readonly prompt: Prompt;
  readonly sound: PromptSound;
  readonly seed: number;
  readonly control: readonly Span[];
  readonly onsetMs: number;
}

export interface BargeIn {
  readonly metrics: Readonly<Record<string, number>>;
  readonly raw: readonly { readonly prompt: string; readonly stop: string; readonly ms: number | 'never' }[];
}

/**
 * Lets callers speak a stop phrase into long answers. Each call is held twice with the same random numbers: left alone
 * first, which tells how long the agent would have spoken, then interrupted.
 *
 * @param prompts those to which there are long answers, and stop phrases.
 * @returns no times where the agent never left off.
 */
export async function measureBargeIn(
  engine: Engine,
  domain: Domain,
  prompts: readonly Prompt[],
  caseCount: number,
): Promise<BargeIn> {
  const stops = prompts.filter(({ intent }) => intent.kind === 'stop');
  if (stops.length === 0) return { metrics: {}, raw: [] };
  const stopSounds = await Promise.all(stops.slice(0, caseCount).map(readPromptSound));
  const wordCount = ({ intent, slots }: Prompt) => wordsOf(domain.fill(intent.say[0]!, slots)!).length;
  const asked = prompts
    .filter(({ intent }) => intent.kind === 'answer')
    .toSorted((a, b) => wordCount(b) - wordCount(a))
    .slice(0, caseCount * TRIES_PER_CASE);
  const cases = (await findLongAnswers(engine, asked)).slice(0, caseCount);
  const raw: BargeIn['raw'][number][] = [];
  await holdCalls(engine, interrupted(cases, stopSounds), ({ conversation, control, onsetMs, prompt, index }) => {
    const ms = bargeInMs(heardSpans(conversation.agent, PAUSE_MS_MAX), control, onsetMs);
    if (ms !== undefined) raw.push({ prompt: prompt.text, stop: stops[index % stopSounds.length]!.text, ms });
  });
  const times = raw.flatMap(({ ms }) => (ms === 'never' ? [] : [ms]));
  return {
    metrics: {
      barge_in_cases: raw.length,
      ...(raw.length > 0 && { barge_in_share: times.length / raw.length }),
      ...timeMetrics('barge_in', times),
    },
    raw,
  };
}

/** @returns those prompts whose answers are long enough to be interrupted, and what they are when left alone. */
async function findLongAnswers(engine: Engine, prompts: readonly Prompt[]): Promise<Interruption[]> {
  const found: Interruption[] = [];
  async function* calls() {
    for (const [seed, prompt] of prompts.entries()) {
      const sound = await readPromptSound(prompt);
      const { caller, speech } = callerTrack(sound, seed, TAIL_MS);
      yield { prompt, sound, seed, speech, conversation: new Conversation({ caller, seed }) };
    }
  }
  await holdCalls(engine, calls(), ({ conversation, prompt, sound, seed, speech }) => {
    const control = heardSpans(conversation.agent, PAUSE_MS_MAX);
    const answer = control.find(({ endMs }) => endMs > speech.endMs);
    if (!answer) return;
    const onsetMs = Math.max(answer.startMs, speech.endMs) + INTO_ANSWER_MS;
    if (answer.endMs - onsetMs >= REMAINING_MS_MIN) found.push({ prompt, sound, seed, control, onsetMs });
  });
  // Calls end in any order.
  return found.toSorted((a, b) => a.seed - b.seed);
}

function* interrupted(cases: readonly Interruption[], stops: readonly PromptSound[]) {
  for (const [index, { prompt, sound, seed, control, onsetMs }] of cases.entries()) {
    const { caller } = callerTrack(sound, seed, TAIL_MS);
    const stop = stops[index % stops.length]!;
    addAt(caller, stop.pcm, onsetMs - stop.speech.startMs);
    yield { prompt, control, onsetMs, index, conversation: new Conversation({ caller, seed }) };
  }
}
