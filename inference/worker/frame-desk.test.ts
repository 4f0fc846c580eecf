import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { FrameDesk } from './frame-desk.ts';

const frame = (slot: number, value = 1) => ({ slot, pcm: new Float32Array(FRAME_SAMPLES).fill(value), receivedMs: 5 });
const taken = (desk: FrameDesk) => desk.take().map(({ slot, pcm, receivedMs }) => [slot, pcm[0], receivedMs]);

function givenDesk(...slots: number[]): FrameDesk {
  const desk = new FrameDesk();
  for (const slot of slots) desk.openSlot(slot);
  return desk;
}

describe('the frame desk', () => {
  it('hands each tick its own frames, in the order of the slots', () => {
    const desk = givenDesk(2, 0);
    desk.push(1, frame(0, 0.25));
    desk.push(0, frame(2, 0.5));
    desk.push(0, frame(0, 0.75));
    expect(taken(desk)).toEqual([
      [0, 0.75, 5],
      [2, 0.5, 5],
    ]);
    expect(taken(desk)[0]).toEqual([0, 0.25, 5]);
  });

  it('does not run a slot before its first frame, and every tick from then on', () => {
    const desk = givenDesk(0);
    desk.push(2, frame(0));
    expect(taken(desk)).toEqual([]);
    expect(taken(desk)).toEqual([]);
    expect(taken(desk)).toEqual([[0, 1, 5]]);
    expect(taken(desk)).toEqual([[0, 0, Number.NaN]]);
    expect(desk.frameDeficitCount).toBe(1);
  });

  it('keeps the second of two frames for the same tick', () => {
    const desk = givenDesk(0);
    desk.push(0, frame(0, 0.25));
    desk.push(0, frame(0, 0.5));
    expect(taken(desk)).toEqual([[0, 0.5, 5]]);
  });

  it('drops a late frame and counts it', () => {
    const desk = givenDesk(0);
    desk.push(0, frame(0));
    desk.take();
    expect(desk.push(0, frame(0))).toBe('late');
    expect(desk.lateFrameCount).toBe(1);
    expect(taken(desk)).toEqual([[0, 0, Number.NaN]]);
  });

  it('takes frames 8 ticks ahead and no more', () => {
    const desk = givenDesk(0);
    expect(desk.push(8, frame(0))).toBe('taken');
    expect(desk.push(9, frame(0))).toBe('early');
  });

  it('holds the tick for a slot that sends, not for one that fell silent or has not begun', () => {
    const desk = givenDesk(0, 1);
    expect(desk.isComplete()).toBe(true);
    desk.push(0, frame(0));
    expect(desk.isComplete()).toBe(true);
    desk.take();
    // There at the last tick: waited for at this one.
    expect(desk.isComplete()).toBe(false);
    desk.take();
    // Not there, and silent since: not waited for again.
    expect(desk.isComplete()).toBe(true);
    // Late for the last tick, so alive: waited for.
    desk.push(1, frame(0));
    expect(desk.isComplete()).toBe(false);
    desk.push(2, frame(0));
    expect(desk.isComplete()).toBe(true);
  });

  it('skips ticks whose time has gone by, with a deficit for each slot that runs', () => {
    const desk = givenDesk(0, 1, 2);
    desk.push(0, frame(0));
    desk.push(3, frame(0, 0.5));
    desk.push(2, frame(1));
    desk.take();
    expect(desk.skipTo(3)).toBe(2);
    expect(desk.frameDeficitCount).toBe(3);
    expect(taken(desk)[0]).toEqual([0, 0.5, 5]);
  });

  it('forgets a closed slot', () => {
    const desk = givenDesk(0);
    desk.push(0, frame(0));
    desk.closeSlot(0);
    expect(taken(desk)).toEqual([]);
    desk.openSlot(0);
    expect(taken(desk)).toEqual([]);
    expect(desk.frameDeficitCount).toBe(0);
  });
});
