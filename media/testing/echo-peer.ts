import { FRAME_MS } from '../audio.ts';
import type { FramePeer, Tick } from '../frames/frame-peer.ts';
import type { MediaCall } from '../media-call.ts';

/** Answers every frame with itself, a simulated step after its tick, on ticks of this process's own clock. */
export class EchoPeer implements FramePeer {
  readonly leadMs = 1;
  readonly tickIndexes: number[] = [];
  call: MediaCall | undefined;
  readonly #stepMs: number;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  nextTick(nowMs: number): Tick {
    const index = Math.floor(nowMs / FRAME_MS) + 1;
    return { index, atMs: index * FRAME_MS };
  }

  sendFrame(tickIndex: number, pcm: Float32Array): void {
    this.tickIndexes.push(tickIndex);
    const leftMs = tickIndex * FRAME_MS + this.#stepMs - performance.now();
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.call?.handleReply(tickIndex, pcm);
      },
      Math.max(0, leftMs),
    );
    this.#timers.add(timer);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.call = undefined;
  }
}
