import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withFigures } from './figures.ts';

describe('the figures in README', () => {
  it('are those of the result files', () => {
    const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
    expect(readme).toContain('<!-- figures:');
    expect(withFigures(readme)).toBe(readme);
  });

  it('cannot be asked of a benchmark that has none', () => {
    expect(() => withFigures('<!-- figures:nothing -->\n<!-- /figures -->')).toThrow('no table');
  });
});
