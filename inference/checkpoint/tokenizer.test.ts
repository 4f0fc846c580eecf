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

describe('the text of a token', () => {
  const tokenizer = tokenizerOf([
    ...STEERING,
    { piece: '\u2581hello', type: NORMAL },
    { piece: 'ing', type: NORMAL },
    { piece: '\u2581a\u2581b', type: NORMAL },
    { piece: '<0x21>', type: BYTE },
    { piece: '<0xE2>', type: BYTE },
  ]);

  it.each([
    { token: 4, text: ' hello', reason: 'a leading space begins a word' },
    { token: 5, text: 'ing', reason: 'a piece without one continues it' },
    { token: 6, text: ' a b', reason: 'a piece may hold several words' },
    { token: 7, text: '!', reason: 'a byte piece is its character' },
    { token: 8, text: '\uFFFD', reason: 'a lone byte of a longer character cannot be shown' },
  ])('is "$text": $reason', ({ token, text }) => {
    expect(tokenizer.text(token)).toBe(text);
  });

  it.each([0, 1, 2, 3])('is nothing for %i, which steers the stream', (token) => {
    expect(tokenizer.text(token)).toBe('');
  });

  it.each([9, 64, -1, 1.5, Number.NaN])('is nothing for %d, which is no token', (token) => {
    expect(tokenizer.text(token)).toBe('');
  });

  it('knows how many pieces there are', () => {
    expect(tokenizer.pieceCount).toBe(9);
  });
});
