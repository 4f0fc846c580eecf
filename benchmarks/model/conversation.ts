import { type Engine, FRAME_MS, FRAME_SAMPLES, type SlotInput, type SlotOutput } from '../../inference/index.ts';
import { EvaluationError } from './errors.ts';
import { samplesIn } from './timing.ts';

/** How late, and how much weaker, a caller's microphone picks up the agent. */
const ECHO_LATE_MS = 120;
const ECHO_GAIN = 10 ** (-20 / 20);

export interface ConversationOptions {
  /** All that the caller's channel carries, 24 kHz; the call ends with it. */
  readonly caller: Float32Array;
  readonly seed: number;
  /** Values of the checkpoint's conditioners. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** One text token a frame, from the first on; beyond them the model is free. */
  readonly forcedText?: readonly number[];
  /** Adds the agent's own voice to the caller's channel, 120 ms late and 20 dB weaker. */
  readonly isEchoing?: boolean;
  /** Asked after each frame with the agent's sound so far: true ends the call early. */
  readonly isOver?: (agent: Float32Array) => boolean;
}

/** One call, in the frames of a live one: the caller's sound is there before, the agent's grows with each step. */
export class Conversation {
  readonly options: ConversationOptions;
  readonly #agent: Float32Array;
  readonly #texts: string[] = [];
  #stepCount = 0;

  constructor(options: ConversationOptions) {
    this.options = options;
    this.#agent = new Float32Array(Math.ceil(options.caller.length / FRAME_SAMPLES) * FRAME_SAMPLES);
  }

  /** Everything that the agent said so far, from its first frame on. */
  get agent(): Float32Array {
    return this.#agent.subarray(0, this.#stepCount * FRAME_SAMPLES);
  }

  /** @returns the words of the steps that ended after a time on the caller's clock. */
  textFrom(fromMs: number): string {
    return this.#texts.slice(Math.max(0, Math.ceil(fromMs / FRAME_MS) - 1)).join('');
  }

  get isOver(): boolean {
    const { caller, isOver } = this.options;
    return this.#stepCount * FRAME_SAMPLES >= caller.length || isOver?.(this.agent) === true;
  }

  nextInput(): Omit<SlotInput, 'slot'> {
    const { caller, forcedText, isEchoing } = this.options;
    const first = this.#stepCount * FRAME_SAMPLES;
    const pcm = new Float32Array(FRAME_SAMPLES);
    pcm.set(caller.subarray(first, first + FRAME_SAMPLES));
    if (isEchoing) this.#addEcho(pcm, first);
    const token = forcedText?.[this.#stepCount];
    return token === undefined ? { pcm } : { pcm, forcedText: token };
  }

  take({ pcm, text, fault }: SlotOutput): void {
    if (fault) throw new EvaluationError('MODEL_NOT_FINITE', `in step ${this.#stepCount} of a call`);
    this.#agent.set(pcm, this.#stepCount * FRAME_SAMPLES);
    this.#texts.push(text);
    this.#stepCount++;
  }

  /** The agent is heard a frame after its place in the track, so its echo is in the caller's frames later still. */
  #addEcho(pcm: Float32Array, first: number): void {
    const late = FRAME_SAMPLES + samplesIn(ECHO_LATE_MS);
    for (let i = 0; i < pcm.length; i++) pcm[i]! += ECHO_GAIN * (this.#agent[first + i - late] ?? 0);
  }
}

/**
 * Holds calls in all slots of an engine at once, each a frame a step. The batch always has its full size, for which an
 * engine promises the same bits: what becomes of a call follows from its seed, whoever else is there.
 *
 * @param ended told when a call is over, in any order; the next step waits for it.
 */
export async function holdCalls<T extends { readonly conversation: Conversation }>(
  engine: Engine,
  calls: AsyncIterable<T> | Iterable<T>,
  ended: (call: T) => void | Promise<void>,
): Promise<void> {
  const waiting = Symbol.asyncIterator in calls ? calls[Symbol.asyncIterator]() : calls[Symbol.iterator]();
  const running: (T | undefined)[] = Array.from({ length: engine.info.slotCount });
  let isExhausted = false;
  try {
    for (;;) {
      for (let slot = 0; slot < running.length && !isExhausted; slot++) {
        if (running[slot]) continue;
        const next = await waiting.next();
        if (next.done) {
          isExhausted = true;
          break;
        }
        const { seed, attributes } = next.value.conversation.options;
        engine.openSlot(slot, { seed: BigInt(seed), ...(attributes && { attributes }) });
        running[slot] = next.value;
      }
      const live = running.flatMap((call, slot) => (call ? [{ call, slot }] : []));
      if (live.length === 0) return;
      const inputs = live.map(({ call, slot }) => ({ slot, ...call.conversation.nextInput() }));
      const outputs = await engine.step(inputs, engine.info.slotCount);
      for (const { slot, ...output } of outputs) {
        const call = running[slot]!;
        call.conversation.take({ slot, ...output });
        if (!call.conversation.isOver) continue;
        engine.closeSlot(slot);
        running[slot] = undefined;
        await ended(call);
      }
    }
  } finally {
    running.forEach((call, slot) => {
      if (call) engine.closeSlot(slot);
    });
  }
}
