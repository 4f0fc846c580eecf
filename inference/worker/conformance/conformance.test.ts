import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InferenceWorker, spawnInferenceWorker } from '../supervisor.ts';
import { CLAUSES, runConformance } from './conformance.ts';
import { DEVIATIONS, DeviantWorker } from './deviant-worker.ts';

let worker: InferenceWorker;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-conformance-'));
});
afterAll(() => rm(dir, { recursive: true }));

const verdicts = (path: string, names?: string[]) => Array.fromAsync(runConformance(path, names));

describe('the conformance test', () => {
  beforeAll(async () => {
    worker = await spawnInferenceWorker({ engine: 'loopback', slotCount: 3 });
  });
  afterAll(() => worker.close());

  it('passes our own worker in every clause', { timeout: 60_000 }, async () => {
    const failed = (await verdicts(worker.socketPath)).filter(({ passed }) => !passed);
    expect(failed).toEqual([]);
  });

  it('passes a worker behind a relay that changes nothing but the bytes’ grouping', async () => {
    const path = join(dir, 'honest.sock');
    await using _ = await DeviantWorker.listen(path, worker.socketPath, undefined);
    const names = ['greets', 'answers-pings', 'counts-slots', 'begins-anew', 'keeps-neighbours', 'counts-deficits'];
    expect((await verdicts(path, names)).map(({ problem }) => problem)).toEqual(names.map(() => ''));
  });

  it('covers every clause that PROTOCOL.md names and no other, and no item there is without one or the reason', async () => {
    const text = await readFile(new URL('../PROTOCOL.md', import.meta.url), 'utf8');
    const items = sectionsOf(text, 'A connection', 'The tick').flatMap((section) => section.split(/\n(?=- |\d\. |\n)/));
    const isMarked = (item: string) => /\[[a-z- ]+\]/.test(item);
    expect(items.map((item) => item.trim()).filter((item) => item !== '' && !isMarked(item))).toEqual([]);
    const named = [...text.matchAll(/\[([a-z]+(?:-[a-z]+)*)\]/g)].map(([, name]) => name);
    expect(CLAUSES.map(({ name }) => name).sort()).toEqual([...new Set(named)].sort());
  });
});

/** The text below each of these headings. */
function sectionsOf(text: string, ...titles: readonly string[]): string[] {
  return titles.map((title) => {
    const section = text.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
    return section!.slice(title.length);
  });
}

describe('a wrong worker fails the clause', () => {
  it.each(CLAUSES.map(({ name }) => name))('%s', { timeout: 30_000 }, async (name) => {
    expect(DEVIATIONS).toHaveProperty(name);
    // A fresh one each time: one that does not free its slots has none left for the next clause.
    await using upstream = await spawnInferenceWorker({ engine: 'loopback', slotCount: 3 });
    const path = join(dir, `${name}.sock`);
    await using _ = await DeviantWorker.listen(path, upstream.socketPath, name);
    const [verdict] = await verdicts(path, [name]);
    expect(verdict).toMatchObject({ name, passed: false });
    expect(verdict!.problem).not.toBe('');
  });
});
