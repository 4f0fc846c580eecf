import { describe, expect, it } from 'vitest';
import { toneWord } from './testing/prompt-folder.ts';
import { bargeInMs, heardFrom, heardSpans, reactionTo, unaskedMs } from './timing.ts';

const span = (startMs: number, endMs: number) => ({ startMs, endMs });

describe('what the agent says', () => {
  it('is heard when the frame that it answers is over', () => {
    expect(heardSpans(toneWord(160, 400))).toEqual([span(240, 640)]);
  });

  it('from a time on is what is heard from then on', () => {
    const agent = Float32Array.from({ length: 24_000 }, (_, i) => i);
    expect(heardFrom(agent, 80)[0]).toBe(0);
    expect(heardFrom(agent, 180)[0]).toBe(2400);
    expect(heardFrom(agent, 10)[0]).toBe(0);
  });
});

describe('the reaction to a prompt', () => {
  it.each([
    [
      'the first sound after its end',
      [span(100, 400), span(1240, 1500), span(2000, 2100)],
      { kind: 'answered', ms: 240 },
    ],
    ['none where the agent was speaking at its end', [span(900, 1500), span(2000, 2100)], { kind: 'spoke-over' }],
    ['none where it had spoken before only', [span(100, 400)], { kind: 'silent' }],
  ])('is %s', (_, spans, reaction) => expect(reactionTo(spans, 1000)).toEqual(reaction));
});

describe('an interruption', () => {
  const control = [span(1000, 4000)];

  it('lasts from the onset to silence', () => {
    expect(bargeInMs([span(1000, 1900), span(2500, 3000)], control, 1500)).toBe(400);
  });

  it('failed where the agent ended when it would have ended anyway', () => {
    expect(bargeInMs([span(1000, 3800)], control, 1500)).toBe('never');
    expect(bargeInMs([span(1000, 6000)], control, 1500)).toBe('never');
  });

  it('is none where the agent was silent at the onset', () => {
    expect(bargeInMs([span(2000, 3000)], control, 1500)).toBeUndefined();
  });
});

describe('speech that nobody asked for', () => {
  const prompts = [span(500, 1000), span(12_500, 13_000)];

  it('is all of it where nobody asked', () => {
    expect(unaskedMs([span(100, 300), span(900, 1000)], [], 2000)).toBe(300);
  });

  it('is what comes after the answer, before the next prompt', () => {
    const spans = [span(1300, 3300), span(5000, 5400), span(13_200, 15_000), span(20_000, 20_100)];
    expect(unaskedMs(spans, prompts, 24_000)).toBe(500);
  });

  it('is what an answer is too long by', () => {
    expect(unaskedMs([span(1300, 9300)], prompts, 24_000)).toBe(2000);
  });

  it('is what comes before the first prompt, and not what comes into one', () => {
    expect(unaskedMs([span(0, 200), span(12_800, 14_000)], prompts, 24_000)).toBe(200);
  });
});
