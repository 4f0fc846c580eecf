import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  follow,
  launchChromium,
  listenIn,
  newCallerContext,
  startRecording,
  stopRecording,
  writeSpeech,
} from '../../benchmarks/browser/index.ts';
import { createEngine, replayLog, SAMPLE_RATE_HZ } from '../../inference/index.ts';
import type { ParleyNode } from '../node.ts';
import { givenNode } from './given-node.ts';

const SLOT_COUNT = 2;
const CALL_MS = 6_000;

describe('a call to the model from Chromium', { timeout: 120_000 }, () => {
  const recordDir = mkdtempSync(join(tmpdir(), 'parley-model-call-'));
  let node: ParleyNode;
  let received: { sampleRateHz: number; pcm: Float32Array };

  beforeAll(async () => {
    node = await givenNode({ engine: { name: 'moshi', slotCount: SLOT_COUNT, recordDir } });
    const browser = await launchChromium({
      microphoneWav: writeSpeech('Hello there. How are you today? I would like to talk with you for a while.'),
    });
    try {
      const page = await (await newCallerContext(browser)).newPage();
      await listenIn(page);
      await page.goto(node.urls[0]!);
      await page.getByRole('button', { name: 'Call' }).click();
      await page.getByText('Live', { exact: true }).waitFor();
      await startRecording(page);
      await page.waitForTimeout(CALL_MS);
      const recording = await stopRecording(page);
      received = { sampleRateHz: recording.sampleRateHz, pcm: recording.received };
      await page.getByRole('button', { name: 'Hang up' }).click();
      await page.getByRole('button', { name: 'Call again' }).waitFor();
    } finally {
      await browser.close();
      // The log is whole once the worker that writes it has ended.
      await node.close('server-shutdown');
    }
  }, 120_000);

  afterAll(() => rmSync(recordDir, { recursive: true, force: true }));

  it('is recorded, replays to the same bits, and reached the browser as the engine gave it', async () => {
    const [log] = readdirSync(recordDir);
    const frames: Float32Array[] = [];
    const engine = await createEngine({ engine: 'moshi', slotCount: SLOT_COUNT });
    const replayed = await replayLog(join(recordDir, log!), engine, { onOutput: (_, { pcm }) => frames.push(pcm) });
    await engine.close();
    expect(replayed).toMatchObject({ differenceCount: 0, end: 'worker-ended' });
    expect(replayed.outputCount).toBeGreaterThan(CALL_MS / 80);

    const given = new Float32Array(frames.flatMap((frame) => [...frame]));
    const { correlation, gainDb } = await follow({ sampleRateHz: SAMPLE_RATE_HZ, pcm: given }, received);
    console.log(
      `what the browser received correlates ${correlation.toFixed(3)} with what the engine gave, gain ${gainDb.toFixed(1)} dB`,
    );
    expect(correlation).toBeGreaterThanOrEqual(0.9);
  });
});
