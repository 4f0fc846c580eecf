import { describe, expect, it } from 'vitest';
import { appendPiece, EMPTY_TRANSCRIPT, type Speaker, type Transcript } from './transcript.ts';

const textsOf = (pieces: readonly (readonly [piece: string, atMs: number])[]) =>
  pieces
    .reduce((transcript, [piece, atMs]) => appendPiece(transcript, piece, atMs), EMPTY_TRANSCRIPT)
    .paragraphs.map(({ text }) => text);

/** The transcript after each of `count` pieces, one a frame, without a pause. */
function* speakOn(count: number, pieceOf: (index: number) => string): Generator<Transcript> {
  let transcript = EMPTY_TRANSCRIPT;
  for (let index = 0; index < count; index += 1) {
    transcript = appendPiece(transcript, pieceOf(index), index * 80);
    yield transcript;
  }
}

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
      { length: 30 },
      (_, index) => [` ${'word '.repeat(200)}${index}`, index * 2_000] as const,
    );

    const texts = textsOf(pieces);

    expect(texts).toHaveLength(23);
    expect(texts.at(-1)).toMatch(/29$/);
  });
});

describe('the transcript of two who speak', () => {
  type Piece = readonly [speaker: Speaker, piece: string, atMs: number];
  const write = (...pieces: readonly Piece[]) =>
    pieces
      .reduce((transcript, [speaker, piece, atMs]) => appendPiece(transcript, piece, atMs, speaker), EMPTY_TRANSCRIPT)
      .paragraphs.map(({ index, speaker, text }) => [index, speaker, text]);

  it('gives each turn a paragraph', () => {
    const found = write(['caller', ' Hello', 0], ['model', ' Hi', 800], ['caller', ' Bye', 3_000]);
    expect(found).toEqual([
      [0, 'caller', 'Hello'],
      [1, 'model', 'Hi'],
      [2, 'caller', 'Bye'],
    ]);
  });

  it('goes on with what each is saying while both speak', () => {
    const found = write(
      ['model', ' One', 0],
      ['caller', ' Wa', 80],
      ['model', ' two', 160],
      ['caller', 'it', 240],
      ['caller', ' please', 320],
    );
    expect(found).toEqual([
      [0, 'model', 'One two'],
      [1, 'caller', 'Wait please'],
    ]);
  });
});

describe('the transcript of a model that never pauses', () => {
  it('ends a paragraph with a sentence, and keeps what is finished as it is', () => {
    let before = EMPTY_TRANSCRIPT;
    for (const transcript of speakOn(5_000, (index) => (index % 10 === 9 ? ' end.' : ' word'))) {
      const kept = before.paragraphs.slice(0, -1);
      const first = transcript.paragraphs[0]?.index ?? 0;
      for (const paragraph of kept.filter(({ index }) => index >= first)) {
        expect(transcript.paragraphs[paragraph.index - first]).toBe(paragraph);
      }
      before = transcript;
    }

    const texts = before.paragraphs.map(({ text }) => text);
    expect(texts.slice(0, -1).every((text) => text.endsWith('end.') && text.length < 500)).toBe(true);
    expect(texts.join('').length).toBeGreaterThan(23_000);
    expect(texts.join('').length).toBeLessThanOrEqual(24_000);
  });

  it('ends it with a word where no sentence ends, and anywhere where no word does', () => {
    const words = [...speakOn(2_000, () => ' word')].at(-1)?.paragraphs ?? [];
    const letters = [...speakOn(20_000, () => 'ab')].at(-1)?.paragraphs ?? [];

    expect(words.slice(0, -1).every(({ text }) => text.length < 810 && text.endsWith('word'))).toBe(true);
    expect(letters.every(({ text }) => text.length <= 1_200)).toBe(true);
    expect(letters).toHaveLength(20);
  });

  it('takes apart a piece that is longer than a paragraph', () => {
    const lengths = textsOf([['x'.repeat(100_000), 0]]).map((text) => text.length);

    expect(Math.max(...lengths)).toBe(1_200);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(24_000);
  });
});
