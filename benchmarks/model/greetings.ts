import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Engine, FRAME_MS } from '../../inference/index.ts';
import { Conversation, holdCalls } from './conversation.ts';
import type { Ear } from './ear.ts';
import { listener } from './judge.ts';
import { noise, ROOM_DBFS } from './sounds.ts';
import { inWords, wordErrors, wordsOf } from './words.ts';

/** Moshi's own number for "a word begins in the next frame". */
const WORD_BEGINS = 0;
const DEFAULT_PADDING = 3;
/** Text comes a frame before its sound, as in training. */
const TEXT_LEAD_FRAMES = 1;
const START_MS = 400;
const TAIL_MS = 2500;

/** How the agent's voice speaks, fitted to the 7,600 words of its training bank; what is left has 68 ms. */
const PACE = { leadMs: 67, wordMs: 15, letterMs: 50, commaMs: 150, sentenceMs: 470 };

const ConfigSchema = z.object({
  tokenizer_name: z.string().optional(),
  existing_text_padding_id: z.int().default(DEFAULT_PADDING),
});

export interface GreetingText {
  readonly tokenizer: string;
  /** Token of a frame in which nothing is said. */
  readonly padding: number;
}

/** @returns what text is forced with; undefined where a checkpoint directory names no tokenizer that is there. */
export function greetingTextOf(modelDirectory: string): GreetingText | undefined {
  const { tokenizer_name: name, existing_text_padding_id: padding } = ConfigSchema.parse(
    JSON.parse(readFileSync(join(modelDirectory, 'config.json'), 'utf8')),
  );
  const tokenizer = name && join(modelDirectory, name);
  return tokenizer && existsSync(tokenizer) ? { tokenizer, padding } : undefined;
}

/**
 * Writes a sentence as the training does: the pieces of each word one a frame from the word's own time on, a frame
 * before that tells that a word begins, and padding everywhere else.
 *
 * @param pieces of each word of the text. @returns one token a frame, from the call's first on.
 */
export function forcedTokens(text: string, pieces: readonly (readonly number[])[], padding: number): number[] {
  const tokens: number[] = [];
  const pad = (count: number) => {
    while (tokens.length < count) tokens.push(padding);
  };
  let wordMs = START_MS + PACE.leadMs;
  wordsOf(text).forEach((word, index) => {
    // Never in the first frame: the one before tells that a word begins.
    pad(Math.max(1, Math.floor(wordMs / FRAME_MS) - TEXT_LEAD_FRAMES));
    if (tokens.at(-1) === padding) tokens[tokens.length - 1] = WORD_BEGINS;
    tokens.push(...pieces[index]!);
    wordMs += wordLengthMs(word);
  });
  pad(Math.ceil((wordMs + TAIL_MS) / FRAME_MS));
  return tokens;
}

function wordLengthMs(word: string): number {
  const pauseMs = /[.!?]$/.test(word) ? PACE.sentenceMs : /[,;]$/.test(word) ? PACE.commaMs : 0;
  return PACE.wordMs + PACE.letterMs * word.replace(/[^a-z]/gi, '').length + pauseMs;
}

/** @returns the share of words that the recogniser hears otherwise than they were forced, and each sentence. */
export async function measureGreetings(engine: Engine, text: GreetingText, greetings: readonly string[], ear: Ear) {
  const raw: { readonly said: string; readonly heard: string }[] = [];
  const listen = listener(ear);
  async function* calls() {
    for (const [seed, said] of greetings.entries()) {
      const forcedText = forcedTokens(said, await ear.pieces(text.tokenizer, said), text.padding);
      const caller = noise(forcedText.length * FRAME_MS, ROOM_DBFS, seed);
      yield { said, conversation: new Conversation({ caller, seed, forcedText }) };
    }
  }
  await holdCalls(engine, calls(), async ({ said, conversation }) => {
    raw.push({ said: inWords(said), heard: (await listen(conversation, 0)).text });
  });
  const errors = raw.reduce((sum, { said, heard }) => sum + wordErrors(said, heard), 0);
  const words = raw.reduce((sum, { said }) => sum + wordsOf(said).length, 0);
  return { metrics: { greeting_wer: errors / words }, raw };
}
