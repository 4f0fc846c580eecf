import type { EngineChoice } from './create-engine.ts';

/** One tick of a worker, in the time of the process that asks (`performance.now()`). */
export interface Tick {
  /** Counts from the worker's start; the frame stamped with it is stepped by it. */
  readonly index: number;
  /** When a frame with this stamp should have arrived. The worker waits at most `graceMs` longer. */
  readonly atMs: number;
}

/** When the worker's ticks are, seen from this process: follows the worker's clock by its pongs. */
export interface TickClock {
  readonly periodMs: number;
  /** How long after `atMs` the worker still takes a frame of a slot that is sending. */
  readonly graceMs: number;
  /** Largest error of the times given here: half of the best round trip seen. */
  readonly uncertaintyMs: number;
  /** The first tick later than `nowMs`. */
  nextTick(nowMs: number): Tick;
  /** When tick `index` is or was. */
  atMs(index: number): number;
}

/** What the model is made to do in one step, beside hearing the frame. */
export interface FrameForcing {
  readonly forcedText?: number;
  readonly forcedAudio?: Int32Array;
  readonly addToInput?: Float32Array;
}

/** What one slot gave back at one tick; times are in this process's `performance.now()`. */
export interface Reply {
  readonly slot: number;
  readonly tickIndex: number;
  /** FRAME_SAMPLES of mono f32; belongs to the receiver. */
  readonly pcm: Float32Array;
  /** -1 from an engine without text. */
  readonly textToken: number;
  readonly text: string;
  /** As `SlotOutput.transcript`. */
  readonly transcript?: string;
  /** Wall time of the engine's step. */
  readonly stepMs: number;
  /** When the worker had the frame; NaN where it stepped silence in its place. */
  readonly frameReceivedAtMs: number;
  readonly stepBeganAtMs: number;
  readonly stepEndedAtMs: number;
  /** True where the frame was not there in time and silence was stepped. */
  readonly isDeficit: boolean;
}

/** What the worker says after every tick, calls or not. Counters run from the worker's start. */
export interface TickReport {
  readonly tickIndex: number;
  readonly stepMs: number;
  /** How long after the tick's time the step began. */
  readonly beganLateMs: number;
  readonly steppedSlotCount: number;
  readonly openSlotCount: number;
  readonly batchSize: number;
  /** Steps whose replies left after the next tick was due. */
  readonly lateTickCount: number;
  /** Ticks never stepped because an earlier step overran them. */
  readonly skippedTickCount: number;
  /** Slot ticks without their frame: silence was stepped, or the tick was skipped. */
  readonly frameDeficitCount: number;
  /** Frames that came after their tick and were dropped. */
  readonly lateFrameCount: number;
}

export type SlotCloseReason = 'closed' | 'not-finite' | 'link-closed';

export type WorkerSlotEvents = {
  reply: [reply: Reply];
  /** A frame of this slot was refused; the slot goes on. */
  fault: [code: string, detail: string];
  /** Fires once. `not-finite`: the model's state broke, the call must end. */
  closed: [reason: SlotCloseReason];
};

export type LinkCloseReason = 'closed' | 'peer-closed' | 'protocol-error';

export type WorkerLinkEvents = {
  tick: [report: TickReport];
  /** Nothing was heard for two ticks: the process hangs, or overruns badly. */
  stalled: [silentMs: number];
  /** It speaks again. */
  resumed: [];
  /** Fires once, after every slot's own `closed`. */
  closed: [reason: LinkCloseReason];
};

export interface InferenceWorkerOptions extends EngineChoice {
  readonly engine: 'moshi' | 'loopback';
  /** Where the engine's log is written, one file for all calls of a process; absent: none. */
  readonly recordDir?: string;
}

export type WorkerDeath = { readonly cause: 'exit' | 'signal' | 'hang'; readonly detail: string };

export type InferenceWorkerEvents = {
  /** Once per process that ended unasked. Slots and links to it are gone. */
  died: [death: WorkerDeath];
  stalled: [silentMs: number];
  resumed: [];
  tick: [report: TickReport];
};
