import type { CallState, EndReason } from './protocol.ts';

/** What is true of a call; its state follows from these and from nothing else. */
export interface CallFacts {
  readonly isPlaced: boolean;
  readonly isEnded: boolean;
  readonly wasLive: boolean;
  readonly isEngineUp: boolean;
  /** Both transports are connected. */
  readonly isConnected: boolean;
  readonly hasProducer: boolean;
  readonly hasConsumer: boolean;
}

/** @returns the state that the facts amount to. */
export function stateOf(facts: CallFacts): CallState {
  if (facts.isEnded) return 'ended';
  if (!facts.isPlaced) return 'joining';
  if (isMediaUp(facts) && facts.isEngineUp) return 'live';
  return facts.wasLive ? 'reconnecting' : 'connecting';
}

/** @returns why a call that was not live for too long has to end. */
export function timeoutReasonOf(facts: CallFacts): EndReason {
  if (!facts.isEngineUp) return 'engine-lost';
  return facts.wasLive ? 'media-lost' : 'connect-timeout';
}

function isMediaUp(facts: CallFacts): boolean {
  return facts.isConnected && facts.hasProducer && facts.hasConsumer;
}
