import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchChromium, UNTRUSTED_HOST, writeSpeech } from '../../benchmarks/browser/index.ts';
import { SignalingError } from '../../signaling/index.ts';
import { readSetupRecord } from '../config/setup-record.ts';
import { EchoHost } from './testing/echo-host.ts';
import { type PageServer, startPageServer } from './testing/page-server.ts';

const SETUP_FILE = new URL('../../.parley/setup.json', import.meta.url);
const SCREENSHOTS = fileURLToPath(new URL('../../.parley/screenshots/', import.meta.url));
const SIZES = [
  { width: 390, height: 844 },
  { width: 1440, height: 900 },
];
const SPEECH =
  'I was thinking we could leave on Friday. Or on Saturday morning, if the weather holds. What do you think?';
const ANSWER = [
  ' Friday sounds good to me.',
  ' The roads are quiet in the evening, and we would wake up by the sea.',
  ' But you said something about the weather?',
];

let setup: Awaited<ReturnType<typeof readSetupRecord>>;
let host: EchoHost;
let server: PageServer;
let talking: Browser;
let deaf: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  mkdirSync(SCREENSHOTS, { recursive: true });
  setup = await readSetupRecord(SETUP_FILE);
  host = await EchoHost.create(setup.mediasoupWorkerBin ?? '');
  server = await startPageServer(host);
  talking = await launchChromium({ microphoneWav: writeSpeech(SPEECH) });
  deaf = await launchChromium();
});

afterAll(async () => {
  await Promise.all([talking?.close(), deaf?.close()]);
  await server?.close();
  host?.close();
});

beforeEach(() => {
  host.refusal = undefined;
  host.isSlow = false;
  host.engine = { name: 'moshi', isUntrained: false, checkpointHash: '' };
});

afterEach(() => context.close());

/** Opens the page in a fresh profile, failing the test on anything that the page's policy or scripts trip over. */
async function openPage(browser: Browser, permission: 'granted' | 'denied' | 'asked', url = server.url): Promise<void> {
  context = await browser.newContext({ permissions: permission === 'granted' ? ['microphone'] : [] });
  page = await context.newPage();
  page.setDefaultTimeout(8_000);
  if (permission === 'denied') {
    const session = await browser.newBrowserCDPSession();
    const browserContextId = (await (await context.newCDPSession(page)).send('Target.getTargetInfo')).targetInfo
      .browserContextId as string;
    await session.send('Browser.setPermission', {
      permission: { name: 'microphone' },
      setting: 'denied',
      browserContextId,
    });
  }
  page.on('pageerror', (error) => expect.fail(`the page threw ${error.stack}`));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) expect.fail(message.text());
  });
  await page.goto(url);
}

const callButton = () => page.getByRole('button', { name: /^Call/ });

async function placeCall(): Promise<void> {
  await callButton().click();
  await page.getByText('Live', { exact: true }).waitFor();
}

async function press(...keys: readonly string[]): Promise<void> {
  for (const key of keys) await page.keyboard.press(key);
}

async function say(pieces: readonly string[]): Promise<void> {
  for (const [tickIndex, text] of pieces.join('').split(/(?= )/).entries()) host.observer?.text({ tickIndex, text });
  await page.getByText(pieces.at(-1)?.trim() ?? '').waitFor();
}

/** Writes a picture of this state at each size and scheme, and asks axe about each. */
async function show(state: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const size of SIZES) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      // Words and bars that are still on their way would be measured half faded.
      await page.waitForTimeout(400);
      await page.screenshot({ path: `${SCREENSHOTS}${state}-${size.width}-${colorScheme}.png` });
      const { violations } = await new AxeBuilder({ page }).analyze();
      const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
      const overflowPx = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflowPx).toBeLessThanOrEqual(0);
    }
  }
}

describe('the call page, in every state', { timeout: 60_000 }, () => {
  it('invites to a call', async () => {
    await openPage(talking, 'asked');

    await show('idle');
  });

  it('offers the microphones where it may know them', async () => {
    await openPage(talking, 'granted');
    const picker = page.getByLabel('Microphone');
    await picker.selectOption({ index: 1 });
    await picker.focus();

    expect(await picker.locator('option').count()).toBeGreaterThan(1);
    await show('devices');
  });

  it('says that the browser asks for the microphone, and lets the person think better of it', async () => {
    await openPage(talking, 'asked');
    // Headless Chromium refuses by itself; this is the person who has not answered yet.
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => new Promise(() => undefined);
    });
    await callButton().click();
    await page.getByText('May it hear you?').waitFor();
    await show('asking');

    await page.keyboard.press('Escape');

    await page.getByText('Never mind.').waitFor();
    await show('cancelled');
  });

  it('shows a call that is being placed', async () => {
    host.isSlow = true;
    await openPage(talking, 'granted');
    await callButton().click();
    await page.getByText('Asking the server for a free line.').waitFor();

    await show('connecting');
    host.isSlow = false;
    // A call left half placed would be placed beside the next test's.
    await page.getByText('Live', { exact: true }).waitFor();
  });

  it('takes a key that is pressed again for nothing, from the call to its end and after', async () => {
    host.isSlow = true;
    await openPage(talking, 'granted');
    await callButton().focus();
    await press('Enter', 'Enter', 'Space');
    await page.getByText('Asking the server for a free line.').waitFor();
    await press('Enter', 'Space');
    host.isSlow = false;
    await page.getByText('Live', { exact: true }).waitFor();
    await press('Enter', 'Space', 'Escape');
    // Whatever a key did has been done by the time that the server tells something new.
    await say(ANSWER);

    expect(await page.getByText('Live', { exact: true }).count()).toBe(1);
    await page.getByRole('button', { name: 'Hang up' }).focus();
    await press('Enter', 'Enter', 'Space');
    await page.getByText('Well, goodbye.').waitFor();
    await page.waitForTimeout(300);
    expect(await page.getByText('Well, goodbye.').count()).toBe(1);
    // One step back lies what can be done next.
    await press('Shift+Tab', 'Enter');
    await page.getByText('Live', { exact: true }).waitFor();
  });

  it('shows both voices, the text and the latency of a live call', async () => {
    await openPage(talking, 'granted');
    await placeCall();
    await show('live-listening');
    const hops = { bufferMs: 92.4, tickWaitMs: 0.8, stepMs: 21.6, pacingMs: 1.3 };
    host.observer?.latency(hops);
    await say(ANSWER.slice(0, 1));
    await page.waitForTimeout(3_000);
    await say(ANSWER.slice(1));
    for (const text of [' And', ' on', ' Thursday?']) host.observer?.heard({ tickIndex: 90, text });
    await page.getByText('And on Thursday?').waitFor();
    await page.getByText('plus a frame of 80 ms').waitFor();

    await show('live');
    expect(await page.locator('.latency-hops dd').allInnerTexts()).toEqual(expect.arrayContaining(['92', '22']));
  });

  it('warns of an engine that will not make sense', async () => {
    host.engine = { name: 'moshi', isUntrained: true, checkpointHash: '' };
    await openPage(talking, 'granted');
    await placeCall();
    await page.getByText('This model is untrained').waitFor();
    await page.getByRole('button', { name: 'Mute' }).click();

    await show('live-untrained-muted');
  });

  it('stays with a call whose media was lost, and takes it up again by itself', async () => {
    host.engine = { name: 'loopback', isUntrained: false, checkpointHash: '' };
    await openPage(talking, 'granted');
    await placeCall();
    await say(ANSWER);
    // Nothing follows: the server would say mediaLost once its new worker stands.
    host.observer?.engineLost(new SignalingError('ENGINE_LOST', 'killed'));
    await page.getByText('Reconnecting…').waitFor();
    await show('reconnecting');
    expect(await page.getByRole('alert').innerText()).toContain('is being started again');
    host.observer?.engineRestored();
    await page.getByText('Live', { exact: true }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    await show('live-again');
    await page.setViewportSize({ width: 390, height: 844 });
    const hiddenPx = () =>
      page.locator('.transcript').evaluate((view) => view.scrollHeight - view.scrollTop - view.clientHeight);
    await expect.poll(hiddenPx).toBeLessThan(2);

    host.loseMedia();
    await page.getByText('Reconnecting…').waitFor();

    await page.getByText('Live', { exact: true }).waitFor();
    expect(await page.getByText('But you said something').count()).toBe(1);
  });

  it('says goodbye', async () => {
    await openPage(talking, 'granted');
    await placeCall();
    await say(ANSWER);
    await page.getByRole('button', { name: 'Hang up' }).click();

    await page.getByText('Well, goodbye.').waitFor();
    await show('ended');
  });
});

describe('what can go wrong', { timeout: 60_000 }, () => {
  it('no microphone', async () => {
    await openPage(deaf, 'granted');
    await callButton().click();
    await page.getByText('No microphone here.').waitFor();

    await show('error-no-microphone');
  });

  it('permission denied', async () => {
    await openPage(talking, 'denied');
    await callButton().click();
    await page.getByText('The microphone is blocked.').waitFor();

    await show('error-denied');
  });

  it('no capacity', async () => {
    host.refusal = new SignalingError('NO_CAPACITY', 'every slot is taken');
    await openPage(talking, 'granted');
    await callButton().click();
    await page.getByText('Every line is busy.').waitFor();

    await show('error-no-capacity');
  });

  it('server gone', async () => {
    const other = await startPageServer(host);
    await openPage(talking, 'granted', other.url);
    await placeCall();
    await say(ANSWER.slice(0, 1));
    other.vanish();
    await page.getByText('The server is gone.').waitFor();
    await show('error-server-gone');

    await other.close();
    await callButton().click();

    await page.getByText('The server is gone.').waitFor();
  });

  it('server full', async () => {
    const full = await startPageServer(host, 0);
    await openPage(talking, 'granted', full.url);
    await callButton().click();
    await page.getByText('The server let nobody in.').waitFor();

    await show('error-server-refused');
    await full.close();
  });

  it('insecure page', async () => {
    await openPage(talking, 'granted', server.url.replace('localhost', UNTRUSTED_HOST));
    await page.getByText('This page is not secure.').waitFor();

    await show('error-insecure');
  });
});
