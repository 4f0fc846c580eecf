import { expect } from 'vitest';
import type { ParleyNode } from '../node.ts';
import { toneLevelDb } from './tone-level.ts';
import { CALLER_RATE_HZ, WrtcCaller } from './wrtc-caller.ts';

/** A loaded machine takes its time; what fails here fails for good. */
const LIVE_MS_MAX = 20_000;

/** Callers of one test, closed together. */
export class Callers {
  readonly #callers: WrtcCaller[] = [];

  /** @returns a caller that is connected with the server but has not placed its call. */
  dial(node: ParleyNode, toneHz = 440): WrtcCaller {
    const caller = new WrtcCaller(node.urls[0]!, { toneHz });
    this.#callers.push(caller);
    return caller;
  }

  /** @returns a caller whose call is live. */
  async call(node: ParleyNode, toneHz = 440): Promise<WrtcCaller> {
    const caller = this.dial(node, toneHz);
    await caller.place();
    await untilState(caller, 'live');
    return caller;
  }

  closeAll(): void {
    for (const caller of this.#callers.splice(0)) caller.close();
  }
}

export async function untilState(caller: WrtcCaller, state: string): Promise<void> {
  await expect.poll(() => caller.states.at(-1), { timeout: LIVE_MS_MAX, interval: 20 }).toBe(state);
}

/** Waits for new sound. @returns `durationMs` of it. */
export async function listen(caller: WrtcCaller, durationMs = 1_000): Promise<Float32Array> {
  const samples = (CALLER_RATE_HZ * durationMs) / 1000;
  caller.forgetHeard();
  await expect.poll(() => caller.heard.length, { timeout: LIVE_MS_MAX }).toBeGreaterThanOrEqual(samples);
  return caller.heard.slice(-samples);
}

/** Waits until the caller hears its tone come back, at a level that nothing else has. */
export async function untilHeard(caller: WrtcCaller, toneHz: number): Promise<void> {
  const hear = async (): Promise<number> => toneLevelDb(await listen(caller), toneHz, CALLER_RATE_HZ);
  await expect.poll(hear, { timeout: 2 * LIVE_MS_MAX, interval: 20 }).toBeGreaterThan(-24);
}
