export * from './call.ts';
export type { CallLevels } from './call-meters.ts';
export * from './errors.ts';
export type { LatencyReport, ServerHops } from './latency.ts';
export { SILENCE_DBFS } from './levels.ts';
export { listMicrophones, type Microphone, type MicrophoneOptions } from './microphone.ts';
