import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, describe, expect, it } from 'vitest';
import { ModelProtoSchema } from './sentencepiece_pb.ts';
import { Tokenizer } from './tokenizer.ts';

const NORMAL = 1;
const CONTROL = 3;
const BYTE = 6;
const folder = mkdtempSync(join(tmpdir(), 'parley-tokenizer-'));
afterAll(() => rmSync(folder, { recursive: true }));

function tokenizerOf(pieces: readonly { readonly piece: string; readonly type: number }[]): Tokenizer {
  const path = join(folder, 'tokenizer.model');
  writeFileSync(path, toBinary(ModelProtoSchema, create(ModelProtoSchema, { pieces: [...pieces] })));
  return new Tokenizer(path);
}

const STEERING = ['<unk>', '<s>', '</s>', '<pad>'].map((piece) => ({ piece, type: CONTROL }));

const tokenizer = tokenizerOf([
  ...STEERING,
  { piece: '\u2581hello', type: NORMAL },
  { piece: 'ing', type: NORMAL },
  { piece: '\u2581a\u2581b', type: NORMAL },
  { piece: '<0x21>', type: BYTE },
  { piece: '<0xE2>', type: BYTE },
  { piece: '<0x82>', type: BYTE },
  { piece: '<0xAC>', type: BYTE },
]);

describe('the text of a token', () => {
  it.each([
    { token: 4, text: ' hello', reason: 'a leading space begins a word' },
    { token: 5, text: 'ing', reason: 'a piece without one continues it' },
    { token: 6, text: ' a b', reason: 'a piece may hold several words' },
    { token: 7, text: '!', reason: 'a byte piece is its character' },
    { token: 8, text: '', reason: 'a byte that begins a longer character waits for the rest' },
  ])('is "$text": $reason', ({ token, text }) => {
    expect(tokenizer.stream().add(token)).toBe(text);
  });

  it.each([0, 1, 2, 3])('is nothing for %i, which steers the stream', (token) => {
    expect(tokenizer.stream().add(token)).toBe('');
  });

  it.each([11, 64, -1, 1.5, Number.NaN])('is nothing for %d, which is no token', (token) => {
    expect(tokenizer.stream().add(token)).toBe('');
  });

  it('knows how many pieces there are', () => {
    expect(tokenizer.pieceCount).toBe(11);
  });
});

describe('a character whose bytes come one a token', () => {
  const read = (tokens: readonly number[]) => {
    const stream = tokenizer.stream();
    return tokens.map((token) => stream.add(token));
  };

  it('is shown with the last of them, whatever padding lies between', () => {
    expect(read([4, 8, 3, 9, 10, 5])).toEqual([' hello', '', '', '', '€', 'ing']);
  });

  it('is replaced where it was not ended', () => {
    expect(read([8, 9, 5])).toEqual(['', '', '\uFFFDing']);
  });

  it('is no matter of another call', () => {
    const [one, other] = [tokenizer.stream(), tokenizer.stream()];
    one.add(8);
    expect(other.add(5)).toBe('ing');
  });
});
