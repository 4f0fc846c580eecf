import { cpSync, existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type VerifiedCase, verifyDirectories } from './verify.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
/** The whole set, where it lies beside the repository. */
const WHOLE_SET = join(import.meta.dirname, '../../../shared/golden');

const SETS = [
  {
    title: 'the reference vectors of the repository',
    root: FIXTURES,
    folders: ['conditioned', 'personaplex', 'transcriber', 'sampling'],
    caseCount: 9,
  },
  {
    title: 'the whole set of reference vectors',
    root: WHOLE_SET,
    folders: ['duplex', 'conditioned', 'transcriber', 'personaplex'],
    caseCount: 18,
  },
].filter(({ root }) => existsSync(root));

async function verify(directories: readonly string[]): Promise<VerifiedCase[]> {
  return Array.fromAsync(verifyDirectories(directories));
}

describe.each(SETS)('$title', ({ root, folders, caseCount }) => {
  it(`is met in all ${caseCount} cases`, { timeout: 120_000 }, async () => {
    const results = await verify(folders.map((folder) => join(root, folder)));
    const passedCount = results.filter(({ passed }) => passed).length;
    console.log(`reference cases: ${passedCount} passed of ${caseCount}`);
    expect(results.filter(({ passed }) => !passed)).toEqual([]);
    expect(results).toHaveLength(caseCount);
  });
});

describe('verifying', () => {
  it('fails a case whose recording differs from what the runtime computes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-golden-'));
    try {
      // What the transcriber computed is not what another model's weights give.
      const cases = [{ name: 'lm-teacher', kind: 'lm-teacher', file: join('cases', 'lm-teacher.safetensors') }];
      const source = join(FIXTURES, 'conditioned');
      cpSync(source, folder, { recursive: true });
      cpSync(join(FIXTURES, 'transcriber/cases/lm-teacher.safetensors'), join(folder, 'cases/lm-teacher.safetensors'));
      writeFileSync(join(folder, 'cases.json'), JSON.stringify(cases));
      const results = await verify([folder]);
      expect(results).toHaveLength(1);
      expect(results[0]).toMatchObject({ passed: false });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('fails what is missing or damaged, and tells of everything else all the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-golden-'));
    try {
      const source = join(FIXTURES, 'conditioned');
      const damaged = join(folder, 'damaged');
      cpSync(source, damaged, { recursive: true });
      rmSync(join(damaged, 'cases/lm-attribute.safetensors'));
      truncateSync(join(damaged, 'cases/lm-add-to-input.safetensors'), 1000);
      const results = await verify([join(folder, 'nowhere'), damaged, join(FIXTURES, 'sampling')]);
      const failed = results.filter(({ passed }) => !passed);
      expect(failed.map(({ name }) => name).sort()).toEqual([
        'damaged/lm-add-to-input',
        'damaged/lm-attribute',
        'nowhere',
      ]);
      for (const { problem } of failed) expect(problem).toContain('CHECKPOINT_FILE_');
      expect(results.filter(({ passed }) => passed).map(({ name }) => name)).toContain('sampling/sampling');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
