import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

  it('says what is missing in a folder without cases', async () => {
    await expect(verify([tmpdir()])).rejects.toMatchObject({ code: 'CHECKPOINT_FILE_MISSING' });
  });
});
