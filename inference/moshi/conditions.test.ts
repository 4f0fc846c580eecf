import { describe, expect, it } from 'vitest';
import type { LmConfig } from '../checkpoint/config.ts';
import type { Weights } from '../checkpoint/weights.ts';
import { Conditions } from './conditions.ts';

const DIM = 3;
const LETTERS = { kind: 'letters', alphabet: ' ab', places: 2 } as const;
const KEY = 'condition_provider.conditioners.recalled';
// Row r, column c is 100 r + c, so that a sum tells its columns: place 0 is columns 0 to 2, place 1 is 3 to 5.
const PROJECTION = Float32Array.from({ length: DIM * 6 }, (_, i) => 100 * Math.floor(i / 6) + (i % 6));

function givenConditions(): Conditions {
  const tensors = new Map([
    [`${KEY}.output_proj.weight`, PROJECTION],
    [`${KEY}.learnt_padding`, Float32Array.of(7, 8, 9)],
  ]);
  const lm = { dim: DIM, conditioners: new Map([['recalled', LETTERS]]) };
  return new Conditions(lm as unknown as LmConfig, { tensor: (key: string) => tensors.get(key)! } as Weights);
}

describe('a text as a condition', () => {
  it('is the sum of its letters at their places', () => {
    expect([...givenConditions().vector({ recalled: 'ba' })]).toEqual([2 + 4, 202 + 4, 402 + 4]);
  });

  it('has no case, leaves out what is no letter, and ends at the last place', () => {
    const conditions = givenConditions();
    expect(conditions.vector({ recalled: 'Bab' })).toEqual(conditions.vector({ recalled: 'ba' }));
    expect([...conditions.vector({ recalled: '?b' })]).toEqual([5, 105, 205]);
  });

  it('differs from no text at all, for which the checkpoint has a vector of its own', () => {
    expect([...givenConditions().vector()]).toEqual([7, 8, 9]);
    expect([...givenConditions().vector({ recalled: '' })]).toEqual([0, 0, 0]);
  });

  it('is refused under another name', () => {
    expect(() => givenConditions().vector({ remembered: 'ba' })).toThrow(/ATTRIBUTE_UNKNOWN: remembered/);
  });
});
