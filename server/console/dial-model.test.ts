import { describe, expect, it } from 'vitest';
import { DialModel, FRAME_MS, loudnessOf, MARK_COUNT } from './dial-model.ts';

const BOTH = { caller: 0.8, assistant: 0.4 };

function givenLiveDial(): DialModel {
  const model = new DialModel();
  model.enter('calling', 0);
  model.enter('live', 0);
  return model;
}

describe('the dial', () => {
  it('writes one mark for each frame, keeping the loudest of its moments', () => {
    const model = givenLiveDial();

    model.hear(BOTH, 0);
    model.hear({ caller: 0.2, assistant: 0.1 }, FRAME_MS / 2);
    model.hear({ caller: 0.7, assistant: 0.3 }, FRAME_MS);

    expect(Array.from(model.caller.marks.slice(0, 3))).toEqual([0.8, 0.7, 0].map(Math.fround));
    expect(Array.from(model.assistant.marks.slice(0, 3))).toEqual([0.4, 0.3, 0].map(Math.fround));
  });

  it('lets a voice die away over the marks that follow it', () => {
    const model = givenLiveDial();

    model.hear(BOTH, 0);
    for (let mark = 1; mark < 6; mark += 1) model.hear({ caller: 0, assistant: 0 }, mark * FRAME_MS);

    const [, second = 0, third = 0] = model.caller.marks;
    expect([second, third]).toEqual([expect.closeTo(0.44), expect.closeTo(0.242)]);
    expect(model.caller.marks[5]).toBe(0);
  });

  it('clears what it showed a turn ago, one mark at a time', () => {
    const model = givenLiveDial();
    for (let mark = 0; mark < MARK_COUNT; mark += 1) model.hear(BOTH, mark * FRAME_MS);

    model.advance((MARK_COUNT + 1) * FRAME_MS);

    expect(model.caller.marks.filter((loudness) => loudness === 0)).toHaveLength(2);
  });

  it('keeps its marks over a reconnection and clears them for a new call', () => {
    const model = givenLiveDial();
    model.hear(BOTH, 0);

    model.enter('waiting', 100);
    model.enter('live', 200);
    const kept = model.caller.marks[0];
    model.enter('rest', 300);
    model.enter('calling', 400);

    expect(kept).toBeCloseTo(0.8);
    expect(Math.max(...model.caller.marks)).toBe(0);
  });

  it('rises at once and falls slowly', () => {
    const model = givenLiveDial();
    model.advance(0);
    model.hear(BOTH, 0);
    model.advance(50);
    const risen = model.caller.loudness;
    model.hear({ caller: 0, assistant: 0 }, 50);
    model.advance(100);

    expect(risen).toBeGreaterThan(0.65);
    expect(model.caller.loudness).toBeGreaterThan(0.4);
  });

  it('maps a quiet room to 0 and a shout to 1', () => {
    expect([-90, -58, -35, -12, 0].map(loudnessOf)).toEqual([0, 0, 0.5, 1, 1]);
  });
});
