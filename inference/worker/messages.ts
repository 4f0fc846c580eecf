import type { EngineInfo, SlotOptions } from '../engine/engine.ts';

/** The version that PROTOCOL.md describes. */
export const PROTOCOL_VERSION = 2;
/** The oldest that is still spoken: without transcripts. */
export const PROTOCOL_VERSION_MIN = 1;
/** How many ticks ahead of the next one a frame may be stamped: more would be a queue, and a queue is delay. */
export const FRAMES_AHEAD_MAX = 8;

interface Hello {
  readonly type: 'hello';
  /** Both ends included. */
  readonly versionMin: number;
  readonly versionMax: number;
}

interface OpenSlot {
  readonly type: 'openSlot';
  /** Chosen by the client, over 0; `opened` or `error` repeats it. */
  readonly requestId: number;
  readonly options: SlotOptions;
}

interface CloseSlot {
  readonly type: 'closeSlot';
  readonly slot: number;
}

export interface Frame {
  readonly type: 'frame';
  readonly slot: number;
  readonly tickIndex: number;
  readonly pcm: Float32Array;
  readonly forcedText?: number;
  readonly forcedAudio?: Int32Array;
  readonly addToInput?: Float32Array;
}

interface Ping {
  readonly type: 'ping';
  readonly id: number;
}

export interface Ready {
  readonly type: 'ready';
  readonly version: number;
  /** The worker's monotonic clock when this was written, in ms from an origin of its own. */
  readonly nowMs: number;
  /** When tick 0 was, on that clock. */
  readonly tickZeroMs: number;
  readonly periodMs: number;
  readonly graceMs: number;
  readonly info: EngineInfo;
}

interface Opened {
  readonly type: 'opened';
  readonly requestId: number;
  readonly slot: number;
}

export interface Closed {
  readonly type: 'closed';
  readonly slot: number;
  readonly reason: 'asked' | 'not-finite';
}

/** Times are on the worker's clock. */
export interface SlotReply {
  readonly type: 'reply';
  readonly slot: number;
  readonly tickIndex: number;
  readonly isDeficit: boolean;
  /** NaN where `isDeficit`. */
  readonly frameReceivedMs: number;
  readonly stepBeganMs: number;
  readonly stepEndedMs: number;
  readonly stepMs: number;
  readonly textToken: number;
  readonly text: string;
  /** Absent where the engine has none, and for a client of version 1. */
  readonly transcript?: string;
  readonly pcm: Float32Array;
}

/** The state after one tick; counters run from the worker's start. */
interface TickStats {
  readonly type: 'tick';
  readonly tickIndex: number;
  readonly stepMs: number;
  readonly beganLateMs: number;
  readonly steppedSlotCount: number;
  readonly openSlotCount: number;
  readonly batchSize: number;
  readonly lateTickCount: number;
  readonly skippedTickCount: number;
  readonly frameDeficitCount: number;
  readonly lateFrameCount: number;
}

interface Pong {
  readonly type: 'pong';
  readonly id: number;
  /** The worker's clock when the ping was read. */
  readonly nowMs: number;
}

export interface Refusal {
  readonly type: 'error';
  readonly code: string;
  readonly detail: string;
  readonly fix: string;
  /** The connection is closed right after it. */
  readonly isFatal: boolean;
  /** 0 where it answers no request. */
  readonly requestId: number;
  /** -1 where it is about no slot. */
  readonly slot: number;
}

export type ClientMessage = Hello | OpenSlot | CloseSlot | Frame | Ping;
export type WorkerMessage = Ready | Opened | Closed | SlotReply | TickStats | Pong | Refusal;
export type Message = ClientMessage | WorkerMessage;
