import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describePlatform } from './platform.mjs';
import { planSteps } from './steps.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-steps-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('the untrained model', () => {
  it('is made where the server looks for it: XDG_CACHE_HOME counts', { timeout: 60_000 }, async () => {
    await symlink(join(ROOT, 'inference'), join(dir, 'inference'));
    const env = { ...process.env, XDG_CACHE_HOME: join(dir, 'cache') };
    const platform = describePlatform(process.platform, '');
    const steps = planSteps({ root: dir, env, goal: 'start', platform, isAgreed: false, write: () => undefined });
    const step = steps.find(({ name }) => name === 'untrained model')!;
    expect(step.isDone()).toBe(false);
    await step.run(() => undefined);
    expect(step.isDone()).toBe(true);
    expect(await readdir(join(dir, 'cache', 'parley'))).toEqual([expect.stringMatching(/^untrained-small-/)]);
  });
});

describe('the set-up', () => {
  it('says nothing and takes under a second where all is there', { timeout: 120_000 }, () => {
    const setUp = () => spawnSync('node', ['deploy/setup/setup.mjs', 'test'], { cwd: ROOT, encoding: 'utf8' });
    // Whatever was changed since the last one, such as the page.
    expect(setUp().status).toBe(0);
    const startedMs = performance.now();
    const { status, stdout } = setUp();
    const tookMs = performance.now() - startedMs;
    console.log(`set-up with all there: ${tookMs.toFixed(0)} ms`);
    expect(status).toBe(0);
    // A small machine is told so every time; nothing else is said.
    expect(stdout.replace(/^ {2}Note: .*\n/gm, '')).toBe('');
    expect(tookMs).toBeLessThan(1_000);
  });
});
