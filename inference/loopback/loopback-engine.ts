import type { Engine, EngineInfo, SlotInput, SlotOptions, SlotOutput, StepReport } from '../engine/engine.ts';
import { checkFrame } from '../engine/frame-check.ts';
import { InferenceError } from '../errors.ts';

export interface LoopbackOptions {
  readonly slotCount: number;
  /** How long every step takes, in ms. Default 0. */
  readonly simulatedStepMs?: number;
}

/** Says back what it hears: the step that is given a frame returns that frame, bit for bit. */
export class LoopbackEngine implements Engine {
  readonly info: EngineInfo;
  readonly #stepMs: number;
  readonly #isOpen: boolean[];
  readonly #sleepCell = new Int32Array(new SharedArrayBuffer(4));
  #report: StepReport;

  constructor({ slotCount, simulatedStepMs = 0 }: LoopbackOptions) {
    this.info = {
      name: 'loopback',
      slotCount,
      checkpointHash: '',
      provider: '',
      runtimeVersion: '',
      isUntrained: false,
      hasTranscript: false,
      agentCodebookCount: 0,
      inputDim: 0,
      // What a call asks of sampling is checked as by a model, so that it can be developed against this one.
      topKMax: 2048,
      textVocabularySize: 0,
      codebookSize: 0,
    };
    this.#stepMs = simulatedStepMs;
    this.#isOpen = new Array(slotCount).fill(false);
    this.#report = { stepMs: 0, batchSize: slotCount };
  }

  get lastReport(): StepReport {
    return this.#report;
  }

  openSlot(slot: number, options: SlotOptions): void {
    if (this.#requireSlot(slot)) throw new InferenceError('SLOT_BUSY', `slot ${slot}`);
    checkSampling(options, this.info.topKMax);
    const attribute = Object.keys(options.attributes ?? {})[0];
    if (attribute !== undefined) throw new InferenceError('ATTRIBUTE_UNKNOWN', `${attribute}; this engine has none`);
    this.#isOpen[slot] = true;
  }

  closeSlot(slot: number): void {
    this.#requireSlot(slot);
    this.#isOpen[slot] = false;
  }

  async step(inputs: readonly SlotInput[]): Promise<readonly SlotOutput[]> {
    const beganMs = performance.now();
    for (const input of inputs) {
      if (!this.#requireSlot(input.slot)) throw new InferenceError('SLOT_CLOSED', `slot ${input.slot}`);
      checkFrame(input, this.info);
    }
    // Blocks, as an inference runtime does; a timer would also be a millisecond off.
    if (this.#stepMs > 0) Atomics.wait(this.#sleepCell, 0, 0, this.#stepMs);
    const outputs = inputs.map(({ slot, pcm }) => ({ slot, pcm: pcm.slice(), textToken: -1, text: '' }));
    this.#report = { stepMs: performance.now() - beganMs, batchSize: this.info.slotCount };
    return outputs;
  }

  async close(): Promise<void> {
    this.#isOpen.fill(false);
  }

  #requireSlot(slot: number): boolean {
    const isOpen = this.#isOpen[slot];
    if (isOpen === undefined) throw new InferenceError('SLOT_UNKNOWN', `slot ${slot} of ${this.info.slotCount}`);
    return isOpen;
  }
}

function checkSampling({ sampling = {} }: SlotOptions, topKMax: number): void {
  for (const name of ['textTemperature', 'audioTemperature'] as const) {
    const value = sampling[name] ?? 0;
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw new InferenceError('SAMPLING_INVALID', `${name} ${value}`);
    }
  }
  for (const name of ['textTopK', 'audioTopK'] as const) {
    const value = sampling[name] ?? 1;
    if (!(Number.isInteger(value) && value >= 1 && value <= topKMax)) {
      throw new InferenceError('SAMPLING_INVALID', `${name} ${value}, from 1 to ${topKMax}`);
    }
  }
}
