/** What the model said in one breath. */
interface Paragraph {
  readonly startedAtMs: number;
  readonly text: string;
}

export interface Transcript {
  readonly paragraphs: readonly Paragraph[];
  readonly lastPieceAtMs: number;
}

export const EMPTY_TRANSCRIPT: Transcript = { paragraphs: [], lastPieceAtMs: Number.NEGATIVE_INFINITY };

// A pause this long is a turn of its own; pauses inside a sentence are mostly under a second.
const PAUSE_MS = 1_400;
/** What is kept to be read back, in characters: about half an hour of speech. */
const CHARACTERS_MAX = 24_000;

/**
 * @param piece text as the server sends it; a leading space begins a word.
 * @param nowMs time of arrival.
 * @returns the transcript with the piece at its end; the oldest paragraphs are dropped beyond CHARACTERS_MAX.
 */
export function appendPiece(transcript: Transcript, piece: string, nowMs: number): Transcript {
  const last = transcript.paragraphs.at(-1);
  // Part of a word never begins a paragraph, however long the pause before it was.
  const goesOn = last && (nowMs - transcript.lastPieceAtMs < PAUSE_MS || !piece.startsWith(' '));
  const paragraphs = goesOn
    ? [...transcript.paragraphs.slice(0, -1), { ...last, text: last.text + piece }]
    : [...transcript.paragraphs, { startedAtMs: nowMs, text: piece.trimStart() }];
  let characters = paragraphs.reduce((sum, { text }) => sum + text.length, 0);
  while (characters > CHARACTERS_MAX && paragraphs.length > 1) characters -= paragraphs.shift()?.text.length ?? 0;
  return { paragraphs, lastPieceAtMs: nowMs };
}
