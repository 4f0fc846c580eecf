import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { QUOTING, withFigures } from './figures.ts';

const results = mkdtempSync(join(tmpdir(), 'parley-figures-'));
afterAll(() => rmSync(results, { recursive: true }));

function givenResult(name: string, metrics: Record<string, number>): void {
  const machine = { cpu: 'a processor', cores: 2, memoryGb: 24, gpu: '' };
  const report = { name, commit: '0123456789', at: '2026-11-21T00:00:00Z', machine, parameters: {}, metrics, raw: [] };
  writeFileSync(join(results, `${name}.json`), JSON.stringify(report));
}

const KILLS = { kills: 10, back_within_3_s: 10, sound_back_ms_p50: 316, sound_back_ms_max: 440.8 };

describe('the figures of a document', () => {
  it.each(QUOTING.map((path) => ({ name: basename(path), path })))(
    'are those of the result files: $name',
    ({ path }) => {
      const document = readFileSync(path, 'utf8');
      expect(document).toMatch(/<!-- figures?:/);
      expect(withFigures(document)).toBe(document);
    },
  );

  it('follow a file that is measured again, in tables and within lines', () => {
    const document = [
      'back in <!-- figure:media-kills.sound_back_ms_max -->1<!-- /figure --> ms',
      '<!-- figures:media-kills -->',
      'old',
      '<!-- /figures -->',
    ].join('\n');
    givenResult('media-kills', KILLS);
    const first = withFigures(document, results);
    expect(first).toContain('back in <!-- figure:media-kills.sound_back_ms_max -->441<!-- /figure --> ms');
    expect(first).toContain('| sound back, longest | 440.8 ms | ≤ 3000 |');
    expect(first).toContain('`npm run prove:media-kills` on 2 cores');
    expect(first).not.toContain('old');
    givenResult('media-kills', { ...KILLS, sound_back_ms_max: 7 });
    expect(withFigures(first, results)).toBe(first.replace('-->441<', '-->7<').replace('440.8', '7'));
  });

  it.each([
    ['a table of a benchmark that has none', '<!-- figures:nothing -->\n<!-- /figures -->', 'no table'],
    ['a file that is not there', '<!-- figure:nothing.metric --><!-- /figure -->', 'no result file'],
    ['a metric that its file lacks', '<!-- figure:fuzz.crashed --><!-- /figure -->', 'lacks crashed'],
    ['a metric that could not be measured', '<!-- figure:fuzz.crashes --><!-- /figure -->', 'lacks crashes'],
    ['a table whose file lacks a metric', '<!-- figures:fuzz -->\n<!-- /figures -->', 'lacks mutations'],
  ])('cannot quote %s', (_, document, said) => {
    givenResult('fuzz', { crashes: Number.NaN });
    expect(() => withFigures(document, results)).toThrow(said);
  });
});
