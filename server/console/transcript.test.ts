import { describe, expect, it } from 'vitest';
import { appendPiece, EMPTY_TRANSCRIPT } from './transcript.ts';

const textsOf = (pieces: readonly (readonly [piece: string, atMs: number])[]) =>
  pieces
    .reduce((transcript, [piece, atMs]) => appendPiece(transcript, piece, atMs), EMPTY_TRANSCRIPT)
    .paragraphs.map(({ text }) => text);

describe('the transcript', () => {
  it('joins pieces of one breath, and begins no paragraph with a space', () => {
    expect(
      textsOf([
        [' Hel', 0],
        ['lo', 80],
        [' there', 400],
      ]),
    ).toEqual(['Hello there']);
  });

  it('begins a paragraph after a pause, but never inside a word', () => {
    expect(
      textsOf([
        [' Hel', 0],
        ['lo', 5_000],
        [' again', 10_000],
      ]),
    ).toEqual(['Hello', 'again']);
  });

  it('drops the oldest paragraphs beyond 24,000 characters', () => {
    const pieces = Array.from(
      { length: 10 },
      (_, index) => [` ${'word '.repeat(800)}${index}`, index * 2_000] as const,
    );

    const texts = textsOf(pieces);

    expect(texts).toHaveLength(5);
    expect(texts.at(-1)).toMatch(/9$/);
  });
});
