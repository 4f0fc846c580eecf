import type { Engine } from '../../inference/index.ts';
import { answeredShare, answerFigures, askPrompts, type PromptResult, timeMetrics } from './answers.ts';
import { measureBargeIn } from './barge-in.ts';
import { type Domain, heldOutGreetings } from './domain.ts';
import type { Ear } from './ear.ts';
import { measureFalseSpeech } from './false-speech.ts';
import { type GreetingText, measureGreetings } from './greetings.ts';
import { type Chance, chanceOf, listener } from './judge.ts';
import type { Prompt } from './manifest.ts';
import { canRecall, measureRecall } from './recall.ts';

const BARGE_IN_CASES = 50;
const GREETINGS = 20;

export interface Judged {
  readonly metrics: Readonly<Record<string, number>>;
  /** Why a metric is not there. */
  readonly absent: Readonly<Record<string, string>>;
  readonly chances: Readonly<Record<string, Chance>>;
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface Evaluated {
  readonly engine: Engine;
  readonly domain: Domain;
  /** Absent: the agent's text is judged. */
  readonly ear: Ear | undefined;
  /** Told in a line what is going on. */
  readonly tell: (line: string) => void;
}

/** Judges a model by any prompts: how many it answers, for each voice and in all. */
export async function judgePrompts(evaluated: Evaluated, prompts: readonly Prompt[]): Promise<Judged> {
  const { results, metrics, chance } = await ask(evaluated, 'prompts', prompts);
  const voices = Map.groupBy(results, ({ prompt }) => prompt.voice);
  const perVoice = [...voices].map(([voice, own]) => [`answered_voice_${metricName(voice)}`, answeredShare(own)]);
  const { responseMs } = answerFigures(results);
  return {
    metrics: { ...metrics(''), ...Object.fromEntries(perVoice) },
    absent: responseMs.length > 0 ? {} : { response_ms_p50: NEVER_ANSWERED },
    chances: { prompts: chance },
    raw: { prompts: results.map(rawResult) },
  };
}

/** @param seen held-out wordings in voices that the training knows. @param unseen the same in others. */
export async function judgeModel(
  evaluated: Evaluated,
  seen: readonly Prompt[],
  unseen: readonly Prompt[],
  greetingText: GreetingText | undefined,
): Promise<Judged> {
  const { engine, domain, ear, tell } = evaluated;
  const metrics: Record<string, number> = {};
  const absent: Record<string, string> = {};
  const chances: Record<string, Chance> = {};
  const raw: Record<string, unknown> = {};
  const responseMs: number[] = [];
  for (const [voices, prompts] of [
    ['seen', seen],
    ['unseen', unseen],
  ] as const) {
    if (prompts.length === 0) {
      absent[`answered_${voices}_voices`] = `no prompts of ${voices} voices`;
      continue;
    }
    const asked = await ask(evaluated, voices, prompts);
    Object.assign(metrics, asked.metrics(`_${voices}_voices`));
    chances[voices] = asked.chance;
    raw[voices] = asked.results.map(rawResult);
    responseMs.push(...answerFigures(asked.results).responseMs);
  }
  Object.assign(metrics, timeMetrics('response', responseMs));
  if (responseMs.length === 0) absent.response_ms_p50 = NEVER_ANSWERED;
  const prompts = seen.length > 0 ? seen : unseen;
  tell('interruptions');
  const bargeIn = await measureBargeIn(engine, domain, prompts, BARGE_IN_CASES);
  if (!('barge_in_ms_p50' in bargeIn.metrics)) absent.barge_in_ms_p50 = 'the agent was never interrupted';
  tell('silence, noise and echo');
  const falseSpeech = await measureFalseSpeech(engine, prompts);
  Object.assign(metrics, bargeIn.metrics, falseSpeech.metrics);
  Object.assign(raw, { bargeIn: bargeIn.raw, falseSpeech: falseSpeech.raw });
  await addGreetings(evaluated, greetingText, { metrics, absent, raw });
  if (canRecall(engine)) {
    tell('recalled names');
    const recall = await measureRecall(engine, domain, prompts, listener(ear));
    Object.assign(metrics, recall.metrics);
    raw.recall = recall.raw;
  } else absent.recall_accuracy = 'the checkpoint takes no text to recall';
  return { metrics, absent, chances, raw };
}

const NEVER_ANSWERED = 'the agent never began to speak after a prompt';

async function addGreetings(
  { engine, domain, ear, tell }: Evaluated,
  text: GreetingText | undefined,
  into: Pick<{ [part in keyof Judged]: Record<string, unknown> }, 'metrics' | 'absent' | 'raw'>,
): Promise<void> {
  if (!ear || !text) {
    into.absent.greeting_wer = ear ? 'no checkpoint directory with a tokenizer was given' : 'there is no recogniser';
    return;
  }
  tell('forced greetings');
  const all = heldOutGreetings(domain);
  const chosen = Array.from({ length: GREETINGS }, (_, i) => all[Math.floor((i * all.length) / GREETINGS)]!);
  const { metrics, raw } = await measureGreetings(engine, text, chosen, ear);
  Object.assign(into.metrics, metrics);
  into.raw.greetings = raw;
}

async function ask({ engine, domain, ear, tell }: Evaluated, what: string, prompts: readonly Prompt[]) {
  const chance = chanceOf(domain, prompts);
  tell(`${what}: ${prompts.length} prompts`);
  const everyTenth = Math.ceil(prompts.length / 10);
  const results = await askPrompts(engine, domain, prompts, listener(ear), (count) => {
    if (count % everyTenth === 0) tell(`  ${count} of ${prompts.length}`);
  });
  const { answered, responseMs, silentShare, spokeOverShare } = answerFigures(results);
  const shares = {
    answered,
    chance_best_constant: chance.bestConstantShare,
    chance_guess: chance.guess,
    silent_share: silentShare,
    spoke_over_share: spokeOverShare,
    prompts: prompts.length,
  };
  const metrics = (suffix: string) => ({
    // Of nothing but stop phrases there is no share that should have been answered in words.
    ...Object.fromEntries(
      Object.entries(shares).flatMap(([name, value]) => (Number.isNaN(value) ? [] : [[`${name}${suffix}`, value]])),
    ),
    ...(suffix === '' && timeMetrics('response', responseMs)),
  });
  return { results, metrics, chance };
}

/** One line for each prompt, since there are thousands: enough to see why it failed. */
function rawResult({ prompt, heard, isAnswered, reaction }: PromptResult): string {
  const { intent, text, voice } = prompt;
  const when = reaction.kind === 'answered' ? `${reaction.ms} ms` : reaction.kind;
  return [isAnswered ? 'right' : 'wrong', intent.id, text, heard, when, voice].join(' | ');
}

/** Voices come in any writing; a metric's name is of lower-case letters and digits. */
function metricName(voice: string): string {
  return voice
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '');
}
