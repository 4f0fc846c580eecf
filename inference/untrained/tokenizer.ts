import { create, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from '../checkpoint/sentencepiece_pb.ts';

const CONTROL = 3;
const UNKNOWN = 2;
const ONSETS = ['b', 'd', 'f', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'w'];
const VOWELS = ['a', 'e', 'i', 'o', 'u', 'ai', 'ou'];

/** @returns a SentencePiece model of babble: four steering tokens, then syllables, some of which begin a word. */
export function babbleTokenizer(pieceCount: number): Uint8Array {
  const steering = [
    { piece: '<unk>', type: UNKNOWN },
    { piece: '<s>', type: CONTROL },
    { piece: '</s>', type: CONTROL },
    { piece: '<pad>', type: CONTROL },
  ];
  const syllables = Array.from({ length: pieceCount - steering.length }, (_, i) => {
    const syllable = ONSETS[i % ONSETS.length]! + VOWELS[Math.floor(i / ONSETS.length) % VOWELS.length]!;
    return { piece: i % 3 === 0 ? syllable : `\u2581${syllable}`, score: -i };
  });
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { pieces: [...steering, ...syllables] }));
}
