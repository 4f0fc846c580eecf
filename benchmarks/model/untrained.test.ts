import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../inference/index.ts';
import { Domain } from './domain.ts';
import { judgePrompts } from './evaluation.ts';
import { readManifest } from './manifest.ts';

const PROMPTS = [
  ['greet-hello', 'hello'],
  ['greet-morning', 'good morning'],
  ['greet-afternoon', 'good afternoon'],
  ['num-after', 'what comes after six', { NUMBER: 'six' }],
  ['name-my', 'my name is anna', { NAME: 'Anna' }],
  ['recall-name', 'what is my name'],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'parley-untrained-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the untrained model', () => {
  it('is judged through the whole engine, and answers no better than chance', async () => {
    const entries = PROMPTS.map(([intent, text, slots = {}], index) => {
      const file = `${index}.wav`;
      execFileSync('espeak-ng', ['-w', join(folder, file), text]);
      return { file, intent, slots, text, voice: index % 2 === 0 ? 'even' : 'odd' };
    });
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(entries));
    const domain = Domain.load();
    const engine = await createEngine({ engine: 'moshi', slotCount: 4 });
    try {
      const evaluated = { engine, domain, ear: undefined, tell: () => undefined };
      const { metrics, raw, chances } = await judgePrompts(evaluated, readManifest(folder, domain));
      expect(engine.info.isUntrained).toBe(true);
      expect(metrics).toMatchObject({ prompts: 6, chance_guess: expect.closeTo(1 / 6) });
      expect(Object.keys(metrics)).toEqual(expect.arrayContaining(['answered_voice_even', 'answered_voice_odd']));
      expect(metrics.answered).toBeLessThanOrEqual(chances.prompts!.bestConstantShare);
      expect(raw.prompts).toHaveLength(6);
    } finally {
      await engine.close();
    }
  });
});
