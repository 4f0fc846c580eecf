export type {
  Engine,
  EngineInfo,
  Sampling,
  SlotInput,
  SlotOptions,
  SlotOutput,
  StepReport,
} from './engine/engine.ts';
export { FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ } from './engine/engine.ts';
export type { InferenceErrorCode } from './errors.ts';
export { INFERENCE_ERRORS, InferenceError } from './errors.ts';
export type {
  ConnectWorker,
  FrameForcing,
  InferenceWorker,
  InferenceWorkerOptions,
  LinkCloseReason,
  Reply,
  SlotCloseReason,
  SpawnInferenceWorker,
  Tick,
  TickClock,
  TickReport,
  WorkerDeath,
  WorkerLink,
  WorkerSlot,
} from './worker/api.ts';
