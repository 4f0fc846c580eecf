import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { InferenceError } from '../errors.ts';
import { ModelProtoSchema } from './sentencepiece_pb.ts';

const SPACE_MARK = '\u2581';
const BYTE_PIECE_TYPE = 6;
/** Tokens 0 to 3 steer the text stream (end of padding, beginnings and ends, padding) and are never shown. */
const FIRST_SHOWN_TOKEN = 4;

/** Turns text tokens into text, one at a time, by the pieces of a SentencePiece model. */
export class Tokenizer {
  readonly #pieces: readonly { readonly piece: string; readonly type: number }[];

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

  /** @returns the token's text, a leading space where it begins a word; '' for tokens not worth showing. */
  text(token: number): string {
    const entry = token >= FIRST_SHOWN_TOKEN ? this.#pieces[token] : undefined;
    if (!entry) return '';
    // A byte piece is named <0xE2>; lone bytes of a longer character come out as the replacement character.
    if (entry.type === BYTE_PIECE_TYPE) return Buffer.from([Number.parseInt(entry.piece.slice(3, 5), 16)]).toString();
    return entry.piece.replaceAll(SPACE_MARK, ' ');
  }
}
