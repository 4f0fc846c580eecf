import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSetupRecord } from '../config/setup-record.ts';
import type { ParleyNode } from '../node.ts';
import { givenNode } from '../test/given-node.ts';
import { buildConsole } from './build.ts';
import { launchBrowser, writeSpeech } from './testing/browser.ts';
import { countSound, watchSound } from './testing/watch-sound.ts';

const KILLS = 10;
const SOUND_BACK_MS_MAX = 3_000;

let node: ParleyNode;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  await buildConsole();
  const setup = await readSetupRecord(new URL('../../.parley/setup.json', import.meta.url));
  node = await givenNode();
  browser = await launchBrowser({
    executablePath: setup.chromium ?? '/usr/bin/chromium',
    microphoneWav: writeSpeech('One, two, three, and on we go.'),
  });
  page = await (await browser.newContext({ permissions: ['microphone'] })).newPage();
  await watchSound(page);
  await page.goto(node.urls[0] ?? '');
  await page.getByRole('button', { name: 'Call' }).click();
  await page.getByText('Live', { exact: true }).waitFor();
});

afterAll(async () => {
  await browser?.close();
  await node?.close('server-shutdown');
});

/** mediasoup's worker is the media process's only child. */
async function mediasoupPid(): Promise<number> {
  const { media } = node.pids;
  const children = (await readFile(`/proc/${media}/task/${media}/children`, 'utf8')).trim();
  // Never 0, which would be this very process group.
  expect(children).toMatch(/^[1-9]\d*$/);
  return Number(children);
}

describe('a call in Chromium whose mediasoup worker is killed', { timeout: 120_000 }, () => {
  it(`hears again within ${SOUND_BACK_MS_MAX / 1000} s, each of ${KILLS} times, in the same call`, async () => {
    const soundBackMs: number[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      const before = await countSound(page);
      process.kill(await mediasoupPid(), 'SIGKILL');
      const killedAtMs = performance.now();
      // The old connections are closed by the time there are new ones, so what counts was heard over these.
      const hearsAgain = async () => {
        const { connections, heardSamples } = await countSound(page);
        return connections > before.connections && heardSamples > 0;
      };
      await expect.poll(hearsAgain, { interval: 10, timeout: 20_000 }).toBe(true);
      soundBackMs.push(performance.now() - killedAtMs);
      await page.getByText('Live', { exact: true }).waitFor();
    }

    expect(Math.max(...soundBackMs)).toBeLessThan(SOUND_BACK_MS_MAX);
    expect(node.callCount).toBe(1);
    console.log(`sound back after ${soundBackMs.map((ms) => Math.round(ms)).join(', ')} ms`);
  });
});
