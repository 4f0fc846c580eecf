/** PCM rate of every engine and of the audio path, in hertz. */
export const SAMPLE_RATE_HZ = 24_000;
/** One frame is one step: 80 ms, Mimi's 12.5 Hz. */
export const FRAME_MS = 80;
export const FRAME_SAMPLES = (SAMPLE_RATE_HZ * FRAME_MS) / 1000;

/** How one call's tokens are drawn. Temperature 0 is argmax. */
export interface Sampling {
  /** At least 0. */
  readonly textTemperature: number;
  readonly audioTemperature: number;
  /** 1 to the engine's `topKMax`. */
  readonly textTopK: number;
  readonly audioTopK: number;
}

/** What a call asks of its slot when it opens. */
export interface SlotOptions {
  /** Keys the call's counter-based random numbers: an unsigned 64-bit integer. */
  readonly seed: bigint;
  readonly sampling?: Partial<Sampling>;
  /** Values of the checkpoint's own conditioners by name, such as `{ description: 'very_good' }`. */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** What one running slot is given in one step. Arrays are read during the step only. */
export interface SlotInput {
  readonly slot: number;
  /** FRAME_SAMPLES of mono f32, nominal [-1, 1]. */
  readonly pcm: Float32Array;
  /** Text token id that replaces the sampled one; absent: sampled. */
  readonly forcedText?: number;
  /** One code per agent codebook, -1 where the model is free; absent: all free. */
  readonly forcedAudio?: Int32Array;
  /** Added to the temporal transformer's input embedding, [dim]. */
  readonly addToInput?: Float32Array;
}

/** What one running slot gives back from one step. The arrays belong to the receiver. */
export interface SlotOutput {
  readonly slot: number;
  /** FRAME_SAMPLES of mono f32; silence in the first steps, while the acoustic delay fills. */
  readonly pcm: Float32Array;
  /** Text token sampled or forced in this step; -1 from an engine that has no text. */
  readonly textToken: number;
  /** The token as text worth showing: '' for padding. A leading space begins a word. */
  readonly text: string;
  /**
   * What the caller is heard to say, written as `text` is: '' where nothing was, a leading space begins a word. Absent
   * from an engine without a transcriber. The piece of step t is what frames 1 to t were heard to say: a call's first
   * step reads no codes yet, and a model that was trained to wait for the end of a word lags by that.
   */
  readonly transcript?: string;
  /** Not empty where the slot's numbers are no longer finite: its call must end. */
  readonly fault?: 'not-finite';
}

export interface EngineInfo {
  /** Name by which configuration chooses the engine: `moshi` or `loopback`. */
  readonly name: string;
  readonly slotCount: number;
  /** Hex digest of the checkpoint's files; '' for an engine without one. */
  readonly checkpointHash: string;
  /** Execution provider and version of the runtime, such as `cpu` and `1.30.0`; '' where there is none. */
  readonly provider: string;
  readonly runtimeVersion: string;
  /** True while the weights are random, so that a page can say that it will sound like noise. */
  readonly isUntrained: boolean;
  /** True where outputs have a `transcript`. */
  readonly hasTranscript: boolean;
  /** Agent codebooks, the length of `forcedAudio`; 0 where audio cannot be forced. */
  readonly agentCodebookCount: number;
  /** Length of `addToInput`; 0 where nothing can be added. */
  readonly inputDim: number;
  readonly topKMax: number;
  /** `forcedText` is below this; 0 where text cannot be forced. A worker refuses a frame by it before it harms a step. */
  readonly textVocabularySize: number;
  /** Codes of `forcedAudio` are below this; 0 where audio cannot be forced. */
  readonly codebookSize: number;
}

/** Counters of one step, for figures and logs. */
export interface StepReport {
  /** Wall time of the step. */
  readonly stepMs: number;
  /** Rows the provider computed, idle ones included. */
  readonly batchSize: number;
}

/**
 * Steps the calls in its slots together, one frame at a time. One step at a time: `step` is not re-entrant.
 * A slot that is not among the inputs keeps its state unchanged. Slots are opened and closed between steps only.
 */
export interface Engine {
  readonly info: EngineInfo;
  readonly lastReport: StepReport;
  /** Starts a slot anew. @throws InferenceError `SLOT_UNKNOWN`, `SLOT_BUSY`, `SAMPLING_INVALID`, `ATTRIBUTE_UNKNOWN` */
  openSlot(slot: number, options: SlotOptions): void;
  closeSlot(slot: number): void;
  /**
   * @param batchSize rows to compute; absent: the fewest that hold the open slots. A replay gives the recorded size,
   *   since bits are promised for one size only.
   * @returns one output per input, in the same order.
   * @throws InferenceError `SLOT_UNKNOWN`, `SLOT_CLOSED`, `FRAME_INVALID`
   */
  step(inputs: readonly SlotInput[], batchSize?: number): Promise<readonly SlotOutput[]>;
  close(): Promise<void>;
}
