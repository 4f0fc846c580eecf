import { describe, expect, it } from 'vitest';
import { loudSpans, speechSpan } from './level.ts';
import { toneWord } from './testing/prompt-folder.ts';

const joined = (...parts: Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));

describe('the stretches in which a recording is loud', () => {
  it('begin and end with the sound', () => {
    expect(loudSpans(toneWord(200, 300), 0)).toEqual([{ startMs: 200, endMs: 500 }]);
  });

  it('are one where no more than a pause is between them', () => {
    const two = joined(toneWord(100, 300), toneWord(100, 300));
    expect(loudSpans(two, 190)).toHaveLength(2);
    expect(loudSpans(two, 200)).toEqual([{ startMs: 100, endMs: 900 }]);
  });

  it('leave out a click, and do not reach from a word to it', () => {
    const clicked = joined(toneWord(100, 300), toneWord(50, 20));
    expect(loudSpans(clicked, 500)).toEqual([{ startMs: 100, endMs: 400 }]);
  });

  it('are none below -40 dBFS', () => {
    // A sine's RMS is 3 dB below its peak.
    expect(loudSpans(toneWord(100, 300, 0.0138), 0)).toEqual([]);
    expect(loudSpans(toneWord(100, 300, 0.0146), 0)).toHaveLength(1);
  });
});

describe('where somebody speaks in a prompt', () => {
  it.each([1, 0.2, 0.01])('is the same at a peak of %d', (level) => {
    expect(speechSpan(toneWord(200, 300, level))).toEqual({ startMs: 200, endMs: 500 });
  });

  it('reaches over pauses of any length', () => {
    expect(speechSpan(joined(toneWord(1000, 300), toneWord(1000, 300)))).toEqual({ startMs: 1000, endMs: 3600 });
  });

  it('is nowhere in silence', () => {
    expect(speechSpan(new Float32Array(24_000))).toBeUndefined();
    expect(speechSpan(new Float32Array(10))).toBeUndefined();
  });
});
