import { FRAME_MS, SAMPLE_RATE_HZ } from '../../inference/index.ts';
import { loudSpans, type Span } from './level.ts';

/** Pauses within a sentence are shorter, and one between two sentences of an answer at most this. */
const PAUSE_MS_MAX = 500;

/**
 * When the agent is heard, on the caller's clock. A step takes a whole frame of the caller, so what it answers is heard
 * from the end of that frame on: the first sample of the agent at 80 ms.
 *
 * @param agent everything that the agent said, from the call's first step on.
 */
export function heardSpans(agent: Float32Array, pauseMsMax = PAUSE_MS_MAX): Span[] {
  return loudSpans(agent, pauseMsMax).map(({ startMs, endMs }) => ({
    startMs: startMs + FRAME_MS,
    endMs: endMs + FRAME_MS,
  }));
}

/** @returns what of the agent is heard from a time on. */
export function heardFrom(agent: Float32Array, fromMs: number): Float32Array {
  return agent.subarray(Math.max(0, samplesIn(fromMs - FRAME_MS)));
}

/** What an agent did about a prompt that ended. */
export type Reaction =
  /** `ms` after the end of the prompt it began to speak. */
  | { readonly kind: 'answered'; readonly ms: number }
  /** It was speaking when the prompt ended, so nothing tells when it answered. */
  | { readonly kind: 'spoke-over' }
  | { readonly kind: 'silent' };

export function reactionTo(spans: readonly Span[], speechEndMs: number): Reaction {
  if (spans.some(({ startMs, endMs }) => startMs < speechEndMs && endMs > speechEndMs)) return { kind: 'spoke-over' };
  const answer = spans.find(({ startMs }) => startMs >= speechEndMs);
  return answer ? { kind: 'answered', ms: answer.startMs - speechEndMs } : { kind: 'silent' };
}

/**
 * How an interruption ended.
 *
 * @param spans of the interrupted call. @param control of the same call left alone.
 * @returns from the caller's onset to silence; `never` where the agent went on as long as it would have anyway, and
 *   undefined where it was not speaking at the onset.
 */
export function bargeInMs(
  spans: readonly Span[],
  control: readonly Span[],
  onsetMs: number,
): number | 'never' | undefined {
  const during = spanAt(spans, onsetMs);
  const uninterrupted = spanAt(control, onsetMs);
  if (!during || !uninterrupted) return undefined;
  return uninterrupted.endMs - during.endMs < EARLIER_MS_MIN ? 'never' : during.endMs - onsetMs;
}

/** An agent that ends no more than this before its own end was not stopped. */
const EARLIER_MS_MIN = 300;

function spanAt(spans: readonly Span[], ms: number): Span | undefined {
  return spans.find(({ startMs, endMs }) => startMs <= ms && endMs > ms);
}

/**
 * Speech that nobody asked for, while the agent hears its own echo. After each prompt it may answer once, without a
 * longer pause than PAUSE_MS_MAX and for no longer than ANSWER_MS_MAX; what else it says before the next is counted.
 *
 * @param prompts when each began and ended, in order. @param totalMs length of the call.
 */
export function unaskedMs(spans: readonly Span[], prompts: readonly Span[], totalMs: number): number {
  let sumMs = 0;
  const count = (fromMs: number, toMs: number) => {
    for (const { startMs, endMs } of spans) sumMs += Math.max(0, Math.min(endMs, toMs) - Math.max(startMs, fromMs));
  };
  count(0, prompts[0]?.startMs ?? totalMs);
  prompts.forEach((prompt, index) => {
    const untilMs = prompts[index + 1]?.startMs ?? totalMs;
    const answer = spans.find(({ endMs }) => endMs > prompt.endMs);
    if (!answer || answer.startMs >= untilMs) return;
    // What was begun in the middle of a prompt is no echo's doing.
    const beganMs = Math.max(answer.startMs, prompt.endMs);
    count(Math.min(answer.endMs, beganMs + ANSWER_MS_MAX, untilMs), untilMs);
  });
  return sumMs;
}

/** No answer of the domain takes longer. */
const ANSWER_MS_MAX = 6000;

export function samplesIn(ms: number): number {
  return Math.round((ms * SAMPLE_RATE_HZ) / 1000);
}
