import type { TickClock, WorkerSlot } from '../../inference/index.ts';
import type { FramePeer, Tick } from '../../media/index.ts';

/** What the way of a frame to the worker costs: a write to a Unix socket, and the worker's turn to read it. */
const LINK_MS = 1;

/** A slot of an inference worker, as media knows it: frames go straight from the call's jitter buffer to the worker. */
export class SlotPeer implements FramePeer {
  readonly #clock: TickClock;
  readonly #slot: WorkerSlot;

  constructor(clock: TickClock, slot: WorkerSlot) {
    this.#clock = clock;
    this.#slot = slot;
  }

  get leadMs(): number {
    return LINK_MS + this.#clock.uncertaintyMs;
  }

  nextTick(nowMs: number): Tick {
    return this.#clock.nextTick(nowMs);
  }

  sendFrame(tickIndex: number, pcm: Float32Array): void {
    this.#slot.sendFrame(tickIndex, pcm);
  }
}
