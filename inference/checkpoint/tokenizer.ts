import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { InferenceError } from '../errors.ts';
import { ModelProtoSchema } from './sentencepiece_pb.ts';

const SPACE_MARK = '\u2581';
const BYTE_PIECE_TYPE = 6;
/** Tokens 0 to 3 steer the text stream (end of padding, beginnings and ends, padding) and are never shown. */
const FIRST_SHOWN_TOKEN = 4;

interface Piece {
  readonly piece: string;
  readonly type: number;
}

/** Turns text tokens into text by the pieces of a SentencePiece model. */
export class Tokenizer {
  readonly #pieces: readonly Piece[];

  /** @throws InferenceError `CHECKPOINT_FILE_MISSING`, `CHECKPOINT_FILE_INVALID` */
  constructor(path: string) {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(path);
    } catch (cause) {
      throw new InferenceError('CHECKPOINT_FILE_MISSING', path, { cause });
    }
    try {
      this.#pieces = fromBinary(ModelProtoSchema, bytes).pieces;
    } catch (cause) {
      throw new InferenceError('CHECKPOINT_FILE_INVALID', `${path} is not a SentencePiece model`, { cause });
    }
    if (this.#pieces.length === 0) throw new InferenceError('CHECKPOINT_FILE_INVALID', `${path} has no pieces`);
  }

  get pieceCount(): number {
    return this.#pieces.length;
  }

  /** @returns what turns one call's tokens into text, in their order. */
  stream(): TextStream {
    return new TextStream(this.#pieces);
  }
}

/** Text of one call. Characters that a model has no piece for come as the bytes of their UTF-8, one a token. */
export class TextStream {
  readonly #pieces: readonly Piece[];
  readonly #decoder = new TextDecoder();

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** @returns what can be read with this token, a leading space where it begins a word; '' for tokens not worth showing. */
  add(token: number): string {
    const entry = token >= FIRST_SHOWN_TOKEN ? this.#pieces[token] : undefined;
    if (!entry) return '';
    // A byte piece is named <0xE2>.
    if (entry.type === BYTE_PIECE_TYPE) {
      return this.#decoder.decode(Uint8Array.of(Number.parseInt(entry.piece.slice(3, 5), 16)), { stream: true });
    }
    // A character that was begun and not ended comes out as the replacement character.
    return this.#decoder.decode() + entry.piece.replaceAll(SPACE_MARK, ' ');
  }
}
