import { EventEmitter } from 'node:events';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { InferenceError } from '../errors.ts';
import type { FrameForcing, SlotCloseReason, WorkerSlotEvents } from './api.ts';
import type { ClientMessage } from './messages.ts';

/**
 * One call's place in a worker, from `WorkerLink.openSlot`. Its steps begin at the tick of its first frame; from then
 * on every tick steps it, with silence where its frame is not there in time.
 */
export class WorkerSlot extends EventEmitter<WorkerSlotEvents> {
  readonly slot: number;
  readonly #send: (message: ClientMessage) => void;
  readonly #closed = Promise.withResolvers<void>();
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(slot: number, send: (message: ClientMessage) => void) {
    super();
    this.slot = slot;
    this.#send = send;
  }

  /**
   * Hands over the frame that closes at a tick, at most 8 ticks ahead. A second frame for the same tick replaces the
   * first. Never blocks; a frame that is too late is dropped and counted by the worker.
   * @param pcm FRAME_SAMPLES, read during the call only.
   * @throws InferenceError `SLOT_CLOSED`, `FRAME_INVALID`
   */
  sendFrame(tickIndex: number, pcm: Float32Array, forcing: FrameForcing = {}): void {
    if (this.#state !== 'open') throw new InferenceError('SLOT_CLOSED', `slot ${this.slot}`);
    if (pcm.length !== FRAME_SAMPLES) {
      throw new InferenceError('FRAME_INVALID', `${pcm.length} samples, not ${FRAME_SAMPLES}`);
    }
    this.#send({ type: 'frame', slot: this.slot, tickIndex, pcm, ...forcing });
  }

  /** Idempotent; resolves when the worker has freed the slot. */
  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#send({ type: 'closeSlot', slot: this.slot });
    }
    return this.#closed.promise;
  }

  /** The link tells. */
  slotClosed(reason: SlotCloseReason): void {
    this.#state = 'closed';
    this.#closed.resolve();
    this.emit('closed', reason);
  }
}
