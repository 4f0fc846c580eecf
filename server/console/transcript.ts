export type Speaker = 'model' | 'caller';

/** What one of the two said in one breath, or as much of it as reads well in one piece. */
interface Paragraph {
  /** Counts up over the whole call. */
  readonly index: number;
  readonly speaker: Speaker;
  readonly text: string;
}

export interface Transcript {
  /** All but the last of each speaker are finished, and stay the same objects. */
  readonly paragraphs: readonly Paragraph[];
  readonly lastPieceAtMs: Readonly<Record<Speaker, number>>;
}

const NEVER = Number.NEGATIVE_INFINITY;
export const EMPTY_TRANSCRIPT: Transcript = { paragraphs: [], lastPieceAtMs: { model: NEVER, caller: NEVER } };

// A pause this long is a turn of its own; pauses inside a sentence are mostly under a second.
const PAUSE_MS = 1_400;
// A model that never pauses: from the first length on a paragraph ends with its sentence, from the second with any
// word, and at the third wherever it is.
const SENTENCE_ENDS_AT = 400;
const WORD_ENDS_AT = 800;
const PARAGRAPH_CHARACTERS_MAX = 1_200;
/** What is kept to be read back, in characters: about half an hour of speech. */
const CHARACTERS_MAX = 24_000;

/**
 * @param piece text as the server sends it; a leading space begins a word.
 * @param nowMs time of arrival.
 * @returns the transcript with the piece at the end of what its speaker is saying, while the other may be speaking too; the oldest paragraphs are dropped beyond CHARACTERS_MAX.
 */
export function appendPiece(
  transcript: Transcript,
  piece: string,
  nowMs: number,
  speaker: Speaker = 'model',
): Transcript {
  const paragraphs = [...transcript.paragraphs];
  const isAfterPause = nowMs - transcript.lastPieceAtMs[speaker] >= PAUSE_MS;
  for (let rest = piece; rest !== ''; ) {
    // So that no single piece, however long, makes a paragraph that is longer.
    const part = rest.slice(0, PARAGRAPH_CHARACTERS_MAX);
    rest = rest.slice(part.length);
    const at = paragraphs.findLastIndex((paragraph) => paragraph.speaker === speaker);
    const own = paragraphs[at];
    if (own && goesOn(own.text, part, isAfterPause)) paragraphs[at] = append(own, part);
    else paragraphs.push({ index: (paragraphs.at(-1)?.index ?? -1) + 1, speaker, text: part.trimStart() });
  }
  let characters = paragraphs.reduce((sum, { text }) => sum + text.length, 0);
  while (characters > CHARACTERS_MAX) characters -= paragraphs.shift()?.text.length ?? 0;
  return { paragraphs, lastPieceAtMs: { ...transcript.lastPieceAtMs, [speaker]: nowMs } };
}

function append(paragraph: Paragraph, part: string): Paragraph {
  return { ...paragraph, text: paragraph.text + part };
}

/** @returns whether the part belongs to the paragraph before it. */
function goesOn(text: string, part: string, isAfterPause: boolean): boolean {
  if (text.length + part.length > PARAGRAPH_CHARACTERS_MAX) return false;
  // Part of a word never begins a paragraph, however long the pause before it was.
  if (!part.startsWith(' ')) return true;
  if (isAfterPause || text.length >= WORD_ENDS_AT) return false;
  return text.length < SENTENCE_ENDS_AT || !/[.!?…]["'”’)]?$/.test(text);
}
