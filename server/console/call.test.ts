import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, writeSpeech } from '../../benchmarks/browser/index.ts';
import type { ParleyNode } from '../node.ts';
import { givenNode } from '../test/given-node.ts';
import { buildConsole } from './build.ts';
import { countSound, watchSound } from './testing/watch-sound.ts';

const SPEECH = 'Hello. Is anybody there? I would like to hear myself.';

/** Pixels of the dial in which a voice's own colour shows, by voice. */
async function countVoicePixels(page: Page): Promise<{ caller: number; assistant: number }> {
  return page.locator('.dial-canvas').evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
      0,
      0,
      canvas.width,
      canvas.height,
    );
    const counts = { caller: 0, assistant: 0 };
    for (let at = 0; at < data.length; at += 4) {
      const [red = 0, , blue = 0, alpha = 0] = data.subarray(at, at + 4);
      if (alpha < 128) continue;
      if (red - blue > 80) counts.caller += 1;
      if (blue - red > 80) counts.assistant += 1;
    }
    return counts;
  });
}

describe('a call from the page to the server', () => {
  let node: ParleyNode;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    await buildConsole();
    node = await givenNode();
    browser = await launchChromium({ microphoneWav: writeSpeech(SPEECH) });
    const context = await browser.newContext({ permissions: ['microphone'] });
    page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await watchSound(page);
    await page.goto(node.urls[0] ?? '');
  });

  afterAll(async () => {
    await browser?.close();
    await node?.close('server-shutdown');
  });

  /** Polled as text, so that a failure says what the page said instead. */
  const untilLive = () => expect.poll(() => page.locator('.panel').innerText(), { timeout: 15_000 }).toMatch(/^Live/);

  it('goes live, and says what it is', async () => {
    await page.getByRole('button', { name: 'Call' }).click();

    await untilLive();
    expect(await page.getByText('This is the loopback engine').count()).toBe(1);
    expect(node.callCount).toBe(1);
  });

  it('moves with the caller’s voice, and with the one that comes back', async () => {
    const counts: Awaited<ReturnType<typeof countVoicePixels>>[] = [];
    for (let moment = 0; moment < 15; moment += 1) {
      counts.push(await countVoicePixels(page));
      await page.waitForTimeout(200);
    }

    for (const voice of ['caller', 'assistant'] as const) {
      const pixels = counts.map((count) => count[voice]);
      expect(Math.max(...pixels)).toBeGreaterThan(1.2 * Math.min(...pixels));
    }
  });

  it('measures every hop on the way there and back', async () => {
    await page.getByText('plus a frame of 80 ms').waitFor();

    const [total = 0, ...hops] = (await page.locator('.latency-total strong, .latency-hops dd').allInnerTexts()).map(
      Number,
    );
    const [, jitter = 0, , step = 0, , buffer = 0] = hops;
    expect(Math.min(jitter, step, buffer)).toBeGreaterThan(0);
    expect(Math.abs(total - hops.reduce((sum, ms) => sum + ms, 0))).toBeLessThan(3);
  });

  const microphoneLevel = async () => (await countSound(page)).microphoneLevel;

  it('sends silence while muted, and the voice again afterwards', async () => {
    const mute = page.getByRole('button', { name: 'Mute' });
    await mute.click();

    await expect.poll(microphoneLevel).toBe(0);
    expect(await mute.getAttribute('aria-pressed')).toBe('true');
    await mute.click();
    await expect.poll(microphoneLevel, { timeout: 5_000 }).toBeGreaterThan(0.01);
  });

  it('speaks through another microphone without leaving the call', async () => {
    await page.getByLabel('Microphone').selectOption({ index: 2 });

    await expect.poll(microphoneLevel, { timeout: 5_000 }).toBeGreaterThan(0.01);
    expect(await page.locator('.panel').innerText()).toMatch(/^Live/);
    expect(await page.evaluate(() => localStorage.getItem('parley.microphone'))).not.toBe('');
  });

  it('hangs up, and frees the slot', async () => {
    await page.getByRole('button', { name: 'Hang up' }).click();

    await page.getByText('Well, goodbye.').waitFor();
    await expect.poll(() => node.callCount).toBe(0);
  });

  it('places another call after the first', async () => {
    await page.getByRole('button', { name: 'Call again' }).click();

    await untilLive();
    expect(node.callCount).toBe(1);
  });
});
