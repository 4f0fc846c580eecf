import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { answerFigures, askPrompts } from './answers.ts';
import { measureBargeIn } from './barge-in.ts';
import { Domain, type SlotValues } from './domain.ts';
import { judgePrompts } from './evaluation.ts';
import { measureFalseSpeech } from './false-speech.ts';
import { forcedTokens } from './greetings.ts';
import { chanceOf, isAnswer, listener, SILENCE } from './judge.ts';
import { readManifest } from './manifest.ts';
import { heldOutNames } from './recall.ts';
import { writePrompts } from './testing/prompt-folder.ts';
import { TurnTakingEngine } from './testing/turn-taking-engine.ts';

const domain = Domain.load();
const root = mkdtempSync(join(tmpdir(), 'parley-evaluation-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const given = (...intents: (string | [id: string, slots: SlotValues])[]) => {
  const entries = intents.map((named) => {
    const [intent, slots] = typeof named === 'string' ? [named, {}] : named;
    return { intent, slots };
  });
  return readManifest(writePrompts(join(root, `${folders++}`), entries), domain);
};
const listen = listener(undefined);
/** Answers for two seconds. */
const MANNERS = { patienceFrames: 2, answerFrames: 25, yieldsAfterFrames: 3, text: ' Good morning to you!' };

describe('prompts asked of an engine that takes turns', () => {
  it('are answered when two whole frames were quiet, heard at the end of the second', async () => {
    const engine = new TurnTakingEngine(MANNERS);
    const results = await askPrompts(engine, domain, given('greet-morning', 'greet-afternoon'), listen);
    // A prompt ends 1100 ms into its call: in frame 13, so that the answer to frame 15 is the first, heard at 1280 ms.
    expect(answerFigures(results)).toEqual({
      answered: 0.5,
      responseMs: [180, 180],
      silentShare: 0,
      spokeOverShare: 0,
    });
    expect(results.find(({ isAnswered }) => isAnswered)).toMatchObject({
      heard: 'good morning to you',
      prompt: { intent: { id: 'greet-morning' } },
    });
  });

  it('are all asked, however many there are for the slots', async () => {
    const engine = new TurnTakingEngine(MANNERS, 2);
    const prompts = given(...Array.from({ length: 7 }, () => 'greet-morning'));
    const counts: number[] = [];
    const results = await askPrompts(engine, domain, prompts, listen, (count) => counts.push(count));
    expect(results.every(({ isAnswered }) => isAnswered)).toBe(true);
    expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('to stop are answered by silence only', async () => {
    const prompts = given('stop-wait');
    const [spoken] = await askPrompts(new TurnTakingEngine({ ...MANNERS, text: '' }), domain, prompts, listen);
    const [quiet] = await askPrompts(new TurnTakingEngine({ ...MANNERS, deafBelowRms: 1 }), domain, prompts, listen);
    expect([spoken!.isAnswered, quiet!.isAnswered]).toEqual([false, true]);
  });

  it('are told by voice', async () => {
    const folder = writePrompts(join(root, 'voices'), [
      { intent: 'greet-morning', voice: 'Ann (UK)' },
      { intent: 'greet-hello', voice: 'Bob' },
    ]);
    const evaluated = { engine: new TurnTakingEngine(MANNERS), domain, ear: undefined, tell: () => undefined };
    const { metrics } = await judgePrompts(evaluated, readManifest(folder, domain));
    expect(metrics).toMatchObject({
      answered: 0.5,
      answered_voice_ann_uk: 1,
      answered_voice_bob: 0,
      response_ms_p50: 180,
      chance_best_constant: 0.5,
      chance_guess: 0.5,
    });
  });
});

describe('an interruption', () => {
  const prompts = given('count-three', 'stop-wait', 'stop-stop');

  it('is timed from the onset of the stop phrase', async () => {
    const { metrics } = await measureBargeIn(new TurnTakingEngine(MANNERS), domain, prompts, 4);
    // The onset is 400 ms into an answer that is heard from 1280 ms on, so 1680 ms is a frame's beginning: two more
    // frames are answered, and the third is not, which is heard at its end.
    expect(metrics).toEqual({ barge_in_cases: 1, barge_in_share: 1, barge_in_ms_p50: 240, barge_in_ms_p95: 240 });
  });

  it('fails with an engine that speaks on', async () => {
    const { yieldsAfterFrames, ...stubborn } = MANNERS;
    expect(yieldsAfterFrames).toBeGreaterThan(0);
    const { metrics } = await measureBargeIn(new TurnTakingEngine(stubborn), domain, prompts, 4);
    expect(metrics).toEqual({ barge_in_cases: 1, barge_in_share: 0 });
  });

  it('is not tried on answers that are over before', async () => {
    const { metrics } = await measureBargeIn(
      new TurnTakingEngine({ ...MANNERS, answerFrames: 10 }),
      domain,
      prompts,
      4,
    );
    expect(metrics).toEqual({ barge_in_cases: 0 });
  });
});

describe('silence, noise and echo', () => {
  const prompts = given('greet-morning');

  it('draw nothing from an engine that is deaf to them', async () => {
    const { metrics, raw } = await measureFalseSpeech(new TurnTakingEngine(MANNERS), prompts, 13_000);
    expect(metrics).toMatchObject({ false_speech_s: 0, false_speech_clips: 20 });
    expect(raw.filter(({ spokenS }) => spokenS > 1).map(({ kind }) => kind)).toEqual(Array(7).fill('echo'));
  });

  it('are told apart where an engine answers its own echo', async () => {
    // Hears its hum, of 0.07 RMS, 20 dB weaker, and no noise.
    const nervous = new TurnTakingEngine({ ...MANNERS, patienceFrames: 9, deafBelowRms: 0.006 });
    const { metrics } = await measureFalseSpeech(nervous, prompts, 13_000);
    expect(metrics).toMatchObject({ false_speech_silence_s: 0 });
    expect(metrics.false_speech_echo_s).toBeGreaterThan(7);
  });
});

describe('a forced greeting', () => {
  it('has the pieces of each word at its time, a mark before it, and padding elsewhere', () => {
    const tokens = forcedTokens('Hello, you.', [[5, 6, 7], [8]], 3);
    // "Hello," is spoken from 467 ms on, in frame 5, and "you." from 882 ms on, in frame 11; each is written a frame
    // before.
    expect(tokens.slice(0, 12)).toEqual([3, 3, 3, 0, 5, 6, 7, 3, 3, 0, 8, 3]);
    expect(new Set(tokens.slice(11))).toEqual(new Set([3]));
  });

  it('writes words that come too fast one after the other', () => {
    expect(forcedTokens('a b', [[5, 6, 7], [8]], 3).slice(3, 9)).toEqual([0, 5, 6, 7, 8, 3]);
  });
});

describe('chance', () => {
  it('is the best of all constant answers, and one in the number of intents', () => {
    const prompts = given('greet-morning', 'stop-wait', 'stop-stop', 'recall-name', ['name-my', { NAME: 'Anna' }]);
    expect(chanceOf(domain, prompts)).toEqual({ bestConstant: '', bestConstantShare: 0.4, guess: 0.2 });
  });

  it('counts an answer with the right value only', () => {
    const [anna, other] = given(['name-my', { NAME: 'Anna' }], ['name-my', { NAME: 'Daniel' }]);
    const heard = { isSilent: false, text: 'nice to meet you anna' };
    expect([isAnswer(domain, anna!, heard), isAnswer(domain, other!, heard)]).toEqual([true, false]);
  });

  it('takes an answer without a pattern by its words, one in three wrong at most', () => {
    const [prompt] = given('recall-name');
    const said = (text: string) => isAnswer(domain, prompt!, { isSilent: false, text });
    expect(said('nobody told me your name yet')).toBe(true);
    expect(said('nobody told be a name yet')).toBe(true);
    expect(said('your name is anna')).toBe(false);
    expect(isAnswer(domain, prompt!, SILENCE)).toBe(false);
  });
});

describe('names for recall', () => {
  it('are enough for a share, and each another', () => {
    expect(new Set(heldOutNames(domain)).size).toBe(heldOutNames(domain).length);
    expect(heldOutNames(domain).length).toBeGreaterThanOrEqual(50);
  });
});
