import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { build } from 'vite';
import type { LatencyReport } from '../../sdk/index.ts';
import type { BenchCall } from './page/main.ts';

const PAGE_SOURCE = join(import.meta.dirname, 'page/main.ts');
/** A page of the server's own origin that does nothing by itself, unlike the call page. */
const PAGE_PATH = '/healthz';

/** @returns the benchmark's page with the SDK in it, as one script. */
export async function bundlePage(): Promise<string> {
  const bundles = await build({
    configFile: false,
    logLevel: 'warn',
    build: { write: false, lib: { entry: PAGE_SOURCE, formats: ['es'], fileName: 'page' } },
  });
  const chunk = [bundles].flat().flatMap((bundle) => ('output' in bundle ? bundle.output : []))[0];
  if (chunk?.type !== 'chunk') throw new Error('the page was not bundled');
  return chunk.code;
}

/** Places a call through the server with the SDK. Resolves when it is live. */
export async function placeServerCall(page: Page, url: string, script: string): Promise<void> {
  await page.goto(new URL(PAGE_PATH, url).href);
  await page.addScriptTag({ type: 'module', content: script });
  await page.waitForFunction(() => 'parleyBench' in globalThis);
  await page.evaluate(() => (globalThis as unknown as { parleyBench: BenchCall }).parleyBench.place());
}

/** Hangs up. @returns the latency reports of the call. */
export async function endServerCall(page: Page): Promise<readonly LatencyReport[]> {
  return page.evaluate(() => {
    const { parleyBench } = globalThis as unknown as { parleyBench: BenchCall };
    parleyBench.hangUp();
    return parleyBench.reports;
  });
}
