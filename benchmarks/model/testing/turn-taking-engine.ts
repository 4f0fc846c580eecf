import type { Engine, EngineInfo, SlotInput, SlotOptions, SlotOutput } from '../../../inference/index.ts';
import { FRAME_SAMPLES } from '../../../inference/index.ts';

export interface Manners {
  /** Whole quiet frames that it waits for after a caller. */
  readonly patienceFrames: number;
  readonly answerFrames: number;
  /** Frames of the caller that it hears before it leaves off; absent: it never does. */
  readonly yieldsAfterFrames?: number;
  /** Below this a caller is not heard. */
  readonly deafBelowRms?: number;
  /** Says what it says, whatever it hears. */
  readonly text?: string;
}

interface Turn {
  hasHeard: boolean;
  quietFrames: number;
  loudFrames: number;
  speakingFrames: number;
}

const CARD = 8;

/** An engine that takes turns by loudness alone and hums its answers: what it does is known to the millisecond. */
export class TurnTakingEngine implements Engine {
  readonly info: EngineInfo;
  readonly lastReport = { stepMs: 0, batchSize: 0 };
  /** Tokens that were forced, in the order of the steps, by the seed of the call. */
  readonly forced = new Map<bigint, number[]>();
  readonly #manners: Manners;
  readonly #slots = new Map<number, Turn & { readonly seed: bigint }>();

  constructor(manners: Manners, slotCount = 3) {
    this.#manners = manners;
    this.info = {
      name: 'turn-taking',
      slotCount,
      checkpointHash: '',
      provider: '',
      runtimeVersion: '',
      isUntrained: false,
      hasTranscript: false,
      agentCodebookCount: 0,
      inputDim: 0,
      topKMax: 1,
      textVocabularySize: CARD,
      codebookSize: 0,
    };
  }

  openSlot(slot: number, { seed }: SlotOptions): void {
    if (this.#slots.has(slot)) throw new Error(`slot ${slot} is busy`);
    this.#slots.set(slot, { hasHeard: false, quietFrames: 0, loudFrames: 0, speakingFrames: 0, seed });
  }

  closeSlot(slot: number): void {
    this.#slots.delete(slot);
  }

  step(inputs: readonly SlotInput[]): Promise<readonly SlotOutput[]> {
    return Promise.resolve(inputs.map((input) => this.#answer(input)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answer({ slot, pcm, forcedText }: SlotInput): SlotOutput {
    const { patienceFrames, answerFrames, yieldsAfterFrames, deafBelowRms = 0.02, text = '' } = this.#manners;
    const turn = this.#slots.get(slot)!;
    if (forcedText !== undefined) {
      this.forced.set(turn.seed, [...(this.forced.get(turn.seed) ?? []), forcedText]);
    }
    const isLoud = Math.sqrt(pcm.reduce((sum, value) => sum + value ** 2, 0) / pcm.length) > deafBelowRms;
    turn.loudFrames = isLoud ? turn.loudFrames + 1 : 0;
    if (turn.speakingFrames > 0) {
      turn.speakingFrames--;
      if (turn.loudFrames === yieldsAfterFrames) turn.speakingFrames = 0;
    } else if (isLoud) {
      turn.hasHeard = true;
      turn.quietFrames = 0;
    } else if (turn.hasHeard && ++turn.quietFrames === patienceFrames) {
      turn.hasHeard = false;
      turn.speakingFrames = answerFrames;
    }
    const isSpeaking = turn.speakingFrames > 0;
    const hummed = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => (isSpeaking ? 0.1 * Math.sin(i / 10) : 0));
    const isFirst = turn.speakingFrames === answerFrames;
    return { slot, pcm: hummed, textToken: 0, text: isSpeaking && isFirst ? text : '' };
  }
}
