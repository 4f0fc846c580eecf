/**
 * The model runtime itself, for tools: checkpoints, graphs, the engine in this very process. Apart from index.ts,
 * since it loads ONNX Runtime, 76 MB that a process which only speaks to workers should not carry.
 */
export { type VerifiedCase, verifyDirectories } from './golden/verify.ts';
export { MoshiEngine, type MoshiEngineOptions } from './moshi/moshi-engine.ts';
export { GraphBuilder, type Value } from './onnx/graph-builder.ts';
export { WeightsFile } from './onnx/weights-file.ts';
export { LARGE as LARGE_DIMENSIONS, SMALL as SMALL_DIMENSIONS, SMALL_TRANSCRIBER } from './untrained/dimensions.ts';
export { makeUntrainedCheckpoint } from './untrained/make-checkpoint.ts';
