import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, writeSpeech } from '../../benchmarks/browser/index.ts';
import type * as sdk from '../../sdk/index.ts';
import type { ParleyNode } from '../node.ts';
import { givenNode } from './given-node.ts';

const SDK_FILE = fileURLToPath(new URL('../../sdk/index.ts', import.meta.url));
const SDK_PATH = '/sdk.js';

declare global {
  var parley: typeof sdk;
}

/** The client as a page of somebody else's would bundle it. */
async function bundleSdk(): Promise<string> {
  const outputs = await build({
    configFile: false,
    logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"' },
    build: { write: false, lib: { entry: SDK_FILE, formats: ['iife'], name: 'parley' } },
  });
  const [chunk] = [outputs].flat().flatMap((output) => ('output' in output ? output.output : []));
  if (chunk?.type !== 'chunk') throw new Error('the bundle has no code');
  return chunk.code;
}

/** What a program in the page was told of one call that it placed and ended by itself. */
interface Told {
  states: string[];
  steps: string[];
  levels: sdk.CallLevels[];
  serverLevels: sdk.CallLevels[];
  latency: sdk.LatencyReport[];
  outcome: sdk.CallOutcome | undefined;
}

/** Runs in the page. */
async function callFor(ms: number): Promise<Told> {
  const call = new globalThis.parley.ParleyCall();
  const told: Told = { states: [], steps: [], levels: [], serverLevels: [], latency: [], outcome: undefined };
  call.on('state', (state) => told.states.push(state));
  call.on('connecting', (step) => told.steps.push(step));
  call.on('levels', (levels) => told.levels.push(levels));
  call.on('serverLevels', (levels) => told.serverLevels.push(levels));
  call.on('latency', (report) => told.latency.push(report));
  call.on('ended', (outcome) => {
    told.outcome = outcome;
  });
  await call.place();
  await new Promise((resolve) => setTimeout(resolve, ms));
  call.hangUp();
  return told;
}

describe('the client in a page of its own', { timeout: 60_000 }, () => {
  let node: ParleyNode;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const [code, started] = await Promise.all([bundleSdk(), givenNode()]);
    node = started;
    browser = await launchChromium({ microphoneWav: writeSpeech('One, two, three, four, five, six, seven, eight.') });
    page = await (await browser.newContext({ permissions: ['microphone'] })).newPage();
    await page.route(`**${SDK_PATH}`, (route) => route.fulfill({ contentType: 'text/javascript', body: code }));
    await page.goto(node.urls[0] ?? '');
    await page.addScriptTag({ url: SDK_PATH });
  });

  afterAll(async () => {
    await browser?.close();
    await node?.close('server-shutdown');
  });

  it('tells the way of a call, and how loud both voices are, here and at the server', async () => {
    const told = await page.evaluate(callFor, 4_000);

    expect(told.steps).toEqual(['microphone', 'server', 'media']);
    expect(told.states).toEqual(['connecting', 'live', 'ended']);
    expect(told.outcome).toEqual({ reason: 'hung-up' });
    for (const levels of [told.levels, told.serverLevels]) {
      expect(Math.max(...levels.map(({ callerDbfs }) => callerDbfs))).toBeGreaterThan(-40);
      expect(Math.max(...levels.map(({ assistantDbfs }) => assistantDbfs))).toBeGreaterThan(-40);
    }
    expect(told.serverLevels.length).toBeGreaterThan(10);
    expect(told.latency.length).toBeGreaterThan(0);
    expect(told.latency.every(({ totalMs }) => totalMs > 0 && totalMs < 2_000)).toBe(true);
  });
});
