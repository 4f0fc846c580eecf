import type { Engine } from '../../inference/index.ts';
import { quantile } from '../report/report.ts';
import { Conversation, holdCalls } from './conversation.ts';
import type { Domain } from './domain.ts';
import { isAnswer, type Listener } from './judge.ts';
import { type Prompt, type PromptSound, readPromptSound } from './manifest.ts';
import { addAt, noise, ROOM_DBFS } from './sounds.ts';
import { heardSpans, type Reaction, reactionTo } from './timing.ts';

/** Before the prompt, and after it, the caller's room is heard. */
export const LEAD_MS = 500;
const LISTEN_MS = 6000;
/** An agent that has answered and then been silent for so long has ended. */
const ENDED_MS = 2000;

/** What came of one prompt. */
export interface PromptResult {
  readonly prompt: Prompt;
  readonly heard: string;
  readonly isAnswered: boolean;
  readonly reaction: Reaction;
}

/** What one prompt is asked with: the caller's channel, and when they speak on it. */
export function callerTrack({ pcm, speech }: PromptSound, seed: number, tailMs = LISTEN_MS) {
  const promptMs = (pcm.length * 1000) / 24_000;
  const caller = noise(LEAD_MS + promptMs + tailMs, ROOM_DBFS, seed);
  addAt(caller, pcm, LEAD_MS);
  return { caller, speech: { startMs: LEAD_MS + speech.startMs, endMs: LEAD_MS + speech.endMs } };
}

/**
 * Says each prompt to the model in a call of its own, and judges what it answers.
 * @param judged told after each prompt, for progress.
 * @throws EvaluationError `PROMPT_UNREADABLE`, `PROMPT_WITHOUT_SPEECH`, `MODEL_NOT_FINITE`, `RECOGNISER_FAILED`
 */
export async function askPrompts(
  engine: Engine,
  domain: Domain,
  prompts: readonly Prompt[],
  listen: Listener,
  judged: (count: number) => void = () => undefined,
): Promise<PromptResult[]> {
  const results: PromptResult[] = [];
  // Judging goes on beside the steps, but not further behind than one round of calls.
  const judging = new Set<Promise<void>>();
  await holdCalls(engine, askedOneByOne(prompts), async ({ conversation, prompt, speechEndMs }) => {
    const reaction = reactionTo(heardSpans(conversation.agent), speechEndMs);
    const judgement = listen(conversation, speechEndMs).then((heard) => {
      results.push({ prompt, heard: heard.text, isAnswered: isAnswer(domain, prompt, heard), reaction });
      judged(results.length);
    });
    const tracked: Promise<void> = judgement.finally(() => judging.delete(tracked));
    judging.add(tracked);
    if (judging.size > engine.info.slotCount) await Promise.race(judging);
  });
  await Promise.all(judging);
  return results;
}

async function* askedOneByOne(prompts: readonly Prompt[]) {
  for (const [seed, prompt] of prompts.entries()) {
    const { caller, speech } = callerTrack(await readPromptSound(prompt), seed);
    const isOver = (agent: Float32Array) => hasEnded(agent, speech.endMs);
    yield { prompt, speechEndMs: speech.endMs, conversation: new Conversation({ caller, seed, isOver }) };
  }
}

/** Whether the agent has spoken after a time and has been silent since for long. */
function hasEnded(agent: Float32Array, speechEndMs: number): boolean {
  const last = heardSpans(agent).at(-1);
  return last !== undefined && last.endMs > speechEndMs && (agent.length * 1000) / 24_000 - last.endMs > ENDED_MS;
}

/** @returns metrics by name, without a prefix: shares of 0 to 1, and times in milliseconds where anything answered. */
export function answerFigures(results: readonly PromptResult[]) {
  const asked = results.filter(({ prompt }) => prompt.intent.kind !== 'stop');
  const share = (kind: Reaction['kind']) =>
    asked.filter(({ reaction }) => reaction.kind === kind).length / asked.length;
  return {
    answered: answeredShare(results),
    responseMs: asked.flatMap(({ reaction }) => (reaction.kind === 'answered' ? [reaction.ms] : [])),
    silentShare: share('silent'),
    spokeOverShare: share('spoke-over'),
  };
}

export function answeredShare(results: readonly Pick<PromptResult, 'isAnswered'>[]): number {
  return results.filter(({ isAnswered }) => isAnswered).length / results.length;
}

/** Median and 95th percentile of some times as metrics; none where there are no times. */
export function timeMetrics(name: string, timesMs: readonly number[]): Record<string, number> {
  if (timesMs.length === 0) return {};
  return { [`${name}_ms_p50`]: quantile(timesMs, 0.5), [`${name}_ms_p95`]: quantile(timesMs, 0.95) };
}
