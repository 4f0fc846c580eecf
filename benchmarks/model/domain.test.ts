import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonical, Domain, heldOutGreetings, isHeldOut, recallableNames, type SlotValues } from './domain.ts';
import { inWords, normalise, wordErrors } from './words.ts';

const domain = Domain.load();
/** Written by the training's own reader of the domain: `python -m parley_train.domain_vectors`. */
const vectors = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/domain-vectors.json'), 'utf8')) as {
  readonly canonical: readonly [text: string, canonical: string][];
  readonly heldOut: Readonly<Record<string, string>>;
  readonly heldOutGreetings: readonly string[];
  readonly trainedNames: readonly string[];
  readonly normalise: readonly [text: string, normalised: string][];
  readonly inWords: readonly [text: string, words: string][];
  readonly wordErrors: readonly [said: string, heard: string, count: number][];
  readonly fill: readonly [text: string, values: SlotValues, filled: string | null][];
};

describe('the domain, as the training reads it', () => {
  it('holds out the same wordings', () => {
    const heldOut = domain.intents.map(({ id, phrasings }) => [
      id,
      phrasings.map((phrasing) => Number(isHeldOut(phrasing))).join(''),
    ]);
    expect(Object.fromEntries(heldOut)).toEqual(vectors.heldOut);
  });

  it('writes the same canonical form', () => {
    expect(vectors.canonical.map(([text]) => canonical(text))).toEqual(vectors.canonical.map(([, form]) => form));
  });

  it('holds out the same greetings', () => {
    expect(heldOutGreetings(domain)).toEqual(vectors.heldOutGreetings);
  });

  it('holds out the same names', () => {
    const trained = recallableNames(domain).filter((name) => !isHeldOut(name.toLowerCase()));
    expect(trained).toEqual(vectors.trainedNames);
  });

  it('fills the same answers', () => {
    const filled = vectors.fill.map(([text, values]) => domain.fill(text, values) ?? null);
    expect(filled).toEqual(vectors.fill.map(([, , text]) => text));
  });

  it.each(vectors.normalise)('normalises %j', (text, normalised) => expect(normalise(text)).toBe(normalised));
  it.each(vectors.inWords)('writes %j in words', (text, words) => expect(inWords(text)).toBe(words));
  it.each(vectors.wordErrors)('counts the errors from %j to %j', (said, heard, count) =>
    expect(wordErrors(said, heard)).toBe(count),
  );
});

describe('what counts as answered', () => {
  const accepts = (id: string, values: SlotValues, heard: string) =>
    domain.acceptPattern(domain.intent(id)!, values)!.test(inWords(heard));

  it('is every answer of an intent with its own values', () => {
    for (const [text, values, filled] of vectors.fill) {
      const intent = domain.intents.find(({ say }) => say.includes(text));
      if (!intent || filled === null) continue;
      expect(accepts(intent.id, values, filled), filled).toBe(true);
    }
  });

  it.each<[id: string, values: SlotValues, heard: string, isAnswer: boolean]>([
    ['num-after', { NUMBER: 'six' }, 'Next comes 7.', true],
    ['num-after', { NUMBER: 'six' }, 'Next comes 70.', false],
    ['name-my', { NAME: 'Anna' }, 'Nice to meet you, Anna!', true],
    ['name-my', { NAME: 'Anna' }, 'Nice to meet you, Hannah!', false],
    ['spell-word', { WORD: 'cat' }, 'C-A-T.', true],
    ['spell-word', { WORD: 'cat' }, 'Cat.', true],
    ['spell-word', { WORD: 'cat' }, 'C, A, R.', false],
    ['stop-wait', {}, '', true],
    ['stop-wait', {}, 'Yes?', false],
  ])('for %s with %j: %j is %s', (id, values, heard, isAnswer) => expect(accepts(id, values, heard)).toBe(isAnswer));

  it('is nothing where the values have no answer', () => {
    expect(domain.acceptPattern(domain.intent('sum-minus')!, { A: 'one', B: 'two' })).toBeUndefined();
    expect(domain.fill('{A-B}.', { A: 'one', B: 'two' })).toBeUndefined();
  });
});
