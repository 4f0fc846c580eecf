import { setTimeout as sleep } from 'node:timers/promises';
import type { FrameForcing, Reply } from './api.ts';
import type { WorkerLink } from './link.ts';
import type { WorkerSlot } from './worker-slot.ts';

export interface PacedFrame extends FrameForcing {
  readonly pcm: Float32Array;
}

export interface PacedCallOptions {
  /** How long before its tick a frame is sent, at most 8 ticks. Default 400 ms: no busy machine is that late. */
  readonly leadMs?: number;
  /** How long after the last frame's tick the last reply may come. Default 500 ms. */
  readonly replyWithinMs?: number;
  /** Frame `i` goes to tick `firstTick + i`. Default: the next tick but one. */
  readonly firstTick?: number;
}

/** Speaks frames into a slot as a live caller does: each shortly before its tick; `undefined` leaves a tick out. @returns the replies of these ticks, as they came. */
export async function runPacedCall(
  link: WorkerLink,
  slot: WorkerSlot,
  frames: readonly (PacedFrame | undefined)[],
  { leadMs = 400, replyWithinMs = 500, firstTick }: PacedCallOptions = {},
): Promise<Reply[]> {
  const from = firstTick ?? link.clock.nextTick(performance.now()).index + 1;
  const to = from + frames.length - 1;
  const replies: Reply[] = [];
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const closed = () => end();
  const collect = (reply: Reply) => {
    if (reply.tickIndex >= from && reply.tickIndex <= to) replies.push(reply);
    if (reply.tickIndex >= to) end();
  };
  slot.on('reply', collect);
  slot.once('closed', closed);
  try {
    for (const [i, frame] of frames.entries()) {
      await sleep(Math.max(0, link.clock.atMs(from + i) - leadMs - performance.now()));
      const { pcm, ...forcing } = frame ?? {};
      if (pcm) slot.sendFrame(from + i, pcm, forcing);
    }
    await Promise.race([ended, sleep(link.clock.atMs(to) + replyWithinMs - performance.now())]);
    return replies;
  } finally {
    slot.off('reply', collect);
    slot.off('closed', closed);
  }
}
