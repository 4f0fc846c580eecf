import { FRAME_SAMPLES, type SlotInput } from '../engine/engine.ts';
import { FRAMES_AHEAD_MAX } from './messages.ts';

export interface DeskInput extends SlotInput {
  /** NaN where silence stands in for a frame that was not there. */
  readonly receivedMs: number;
}

export type PushResult = 'taken' | 'late' | 'early';

interface DeskSlot {
  /** The tick of its first frame; undefined while none came. */
  firstTick: number | undefined;
  readonly inputByTick: Map<number, DeskInput>;
  /** Its frame was there at the last tick, or something came since, be it late: worth waiting for. */
  isSending: boolean;
}

/** Never written to, so one serves all. */
const SILENCE = new Float32Array(FRAME_SAMPLES);

/**
 * Where frames lie until their tick: sorts them by slot and tick, and knows which are missing. Pure: no clock.
 *
 * A slot runs from the tick of its first frame on. From then on every tick steps it, with silence where its frame is
 * not there, so that its model hears time pass.
 */
export class FrameDesk {
  readonly #slots = new Map<number, DeskSlot>();
  #nextTick = 0;
  #deficitCount = 0;
  #lateCount = 0;

  /** Frames for earlier ticks are late. */
  get nextTick(): number {
    return this.#nextTick;
  }

  get openSlotCount(): number {
    return this.#slots.size;
  }

  get frameDeficitCount(): number {
    return this.#deficitCount;
  }

  get lateFrameCount(): number {
    return this.#lateCount;
  }

  openSlot(slot: number): void {
    this.#slots.set(slot, { firstTick: undefined, inputByTick: new Map(), isSending: false });
  }

  closeSlot(slot: number): void {
    this.#slots.delete(slot);
  }

  /** A second frame for the same tick replaces the first. Only `taken` ones are kept, for an open slot. */
  push(tickIndex: number, input: DeskInput): PushResult {
    const slot = this.#slots.get(input.slot)!;
    if (tickIndex > this.#nextTick + FRAMES_AHEAD_MAX) return 'early';
    slot.isSending = true;
    if (tickIndex < this.#nextTick) {
      this.#lateCount++;
      return 'late';
    }
    slot.firstTick = Math.min(slot.firstTick ?? tickIndex, tickIndex);
    slot.inputByTick.set(tickIndex, input);
    return 'taken';
  }

  /** False while a slot that is sending has not sent its frame for the next tick: only such a frame is worth waiting for. */
  isComplete(): boolean {
    for (const slot of this.#slots.values()) {
      if (slot.isSending && hasBegun(slot, this.#nextTick) && !slot.inputByTick.has(this.#nextTick)) return false;
    }
    return true;
  }

  /** Closes the next tick. @returns what to step, in the order of the slots' numbers. */
  take(): DeskInput[] {
    const inputs: DeskInput[] = [];
    for (const [number, slot] of this.#slots) {
      if (!hasBegun(slot, this.#nextTick)) continue;
      const input = slot.inputByTick.get(this.#nextTick);
      if (!input) this.#deficitCount++;
      inputs.push(input ?? { slot: number, pcm: SILENCE, receivedMs: Number.NaN });
    }
    this.#pass();
    return inputs.sort((a, b) => a.slot - b.slot);
  }

  /** Gives up every tick before `tickIndex`, whose time has gone by. @returns how many ticks that were. */
  skipTo(tickIndex: number): number {
    const from = this.#nextTick;
    while (this.#nextTick < tickIndex) {
      for (const slot of this.#slots.values()) if (hasBegun(slot, this.#nextTick)) this.#deficitCount++;
      this.#pass();
    }
    return this.#nextTick - from;
  }

  #pass(): void {
    for (const slot of this.#slots.values()) {
      slot.isSending = slot.inputByTick.delete(this.#nextTick);
    }
    this.#nextTick++;
  }
}

function hasBegun(slot: DeskSlot, tickIndex: number): boolean {
  return slot.firstTick !== undefined && slot.firstTick <= tickIndex;
}
