export { demandSpace, inGb } from './cache/kept-files.ts';
export { cacheFolder } from './cache-folder.mjs';
export { readCheckpointConfig } from './checkpoint/config.ts';
export { checkpointFileNames } from './checkpoint/file-names.ts';
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
export { LogReader } from './log/read-log.ts';
export { type ReplayOptions, type ReplayResult, replayLog } from './log/replay.ts';
export type {
  FrameForcing,
  InferenceWorkerOptions,
  LinkCloseReason,
  Reply,
  SlotCloseReason,
  Tick,
  TickClock,
  TickReport,
  WorkerDeath,
} from './worker/api.ts';
export { runConformance, type Verdict } from './worker/conformance/conformance.ts';
export { createEngine, type EngineChoice } from './worker/create-engine.ts';
export { connectWorker, type WorkerLink } from './worker/link.ts';
export { type InferenceWorker, spawnInferenceWorker } from './worker/supervisor.ts';
export type { WorkerSlot } from './worker/worker-slot.ts';
