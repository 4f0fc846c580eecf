import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Followed,
  type FollowedStretch,
  follow,
  launchChromium,
  listenIn,
  newCallerContext,
  startRecording,
  stopRecording,
  writeSpeech,
} from '../../../benchmarks/browser/index.ts';
import type { CallStats } from '../../../media/index.ts';
import { Dice } from '../fuzz/dice.ts';
import { ServerProcess } from '../fuzz/server-process.ts';
import { CLEAN, type Disturbance, type RelayCounters, UdpRelay } from './udp-relay.ts';

const SEED = 5;
const BAD: Disturbance = { lossShare: 0.05, duplicateShare: 0.03, delayMs: 20, jitterMs: 40 };
const CALM_MS = 4_000;
const BAD_MS = 8_000;
/** What the jitter buffer remembers, about. */
const MEMORY_MS = 10_000;
/**
 * How long until the delay is back at most. It gives some milliseconds back a second, once it has forgotten; what a
 * busy machine does to its packets meanwhile it remembers as long.
 */
const RECOVERY_MS_MAX = 38_000;
const END_MS = 3_000;
/** The jitter buffer is back when it is within this of what it was; it moves by packets of 20 ms. */
const BACK_MS = 25;
/** Chromium's own jitter buffer takes longer to give back what it took. */
const MOUTH_TO_EAR_MORE_MS_MAX = 150;
/** In each phase jitter buffers first adapt. */
const ADAPTING_MS = 1_000;
/** A stretch of 200 ms counts as heard from here on: half of it may be made up. */
const HEARD_CORRELATION_MIN = 0.4;
/** The longest that speech may be lost in a row, in stretches of 200 ms. On an idle machine one frame, 80 ms, is rare. */
const LOST_STRETCHES_MAX = 4;

/** 40 s in which no word comes twice: a synthetic voice says a word the same way each time, and would be found in both. */
const SPEECH = `Yesterday morning seven fishing boats left our little harbour under heavy clouds, while gulls cried above
wooden piers. Grandmother packed bread, cheese, dried apples and hot coffee into baskets. Nobody expected trouble before
noon. Suddenly wind rose from north west, waves climbed over railings, ropes snapped, engines failed. Captain Miller
shouted orders, steering toward green lighthouse beams far beyond dark rocks. Children watched anxiously, holding
lanterns along narrow streets. Finally, around midnight, every vessel returned home safely; tired sailors laughed,
danced, drank cider, told incredible stories until sunrise painted quiet hills golden.`;

interface Told {
  readonly name: string;
  readonly payload: Record<string, unknown>;
  readonly atMs: number;
}

/** Notes what the server tells the page, from the page's own connection. */
function noteSignaling(page: Page): Told[] {
  const told: Told[] = [];
  page.on('websocket', (socket) => {
    socket.on('framereceived', ({ payload }) => {
      const json = /^42(\[.*)$/s.exec(String(payload))?.[1];
      if (!json) return;
      const [name, body] = JSON.parse(json) as [string, Record<string, unknown>];
      told.push({ name, payload: body, atMs: performance.now() });
    });
  });
  return told;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

describe('a call in Chromium over 5 % loss and 40 ms jitter in both directions', { timeout: 120_000 }, () => {
  let told: Told[];
  let counters: { up: RelayCounters; down: RelayCounters };
  let badCounters: { up: RelayCounters; down: RelayCounters };
  let stats: CallStats;
  let followed: Followed;
  let beganMs: number;
  let hungUpMs: number;
  let recoveredMs: number;
  const bufferMs = (fromMs: number, toMs: number): number[] =>
    told.flatMap(({ name, payload, atMs }) => {
      const isIn = atMs - beganMs >= fromMs && atMs - beganMs < toMs;
      return name === 'latency' && isIn ? (payload.bufferMs as number) : [];
    });
  const medianBufferMs = (fromMs: number, toMs: number) => median(bufferMs(fromMs, toMs));
  const lastBufferMs = () => bufferMs(0, Number.POSITIVE_INFINITY).at(-1)!;

  beforeAll(async () => {
    const dice = new Dice(SEED, 'bad-network', 0);
    await using relay = await UdpRelay.open({ ip: '127.0.0.2', serverIp: '127.0.0.1', random: () => dice.next() });
    await using server = await ServerProcess.start({
      engine: { name: 'loopback', slotCount: 1 },
      media: { port: relay.port, announcedAddress: '127.0.0.2' },
      log: { level: 'info' },
    });
    const browser = await launchChromium({ microphoneWav: writeSpeech(SPEECH) });
    try {
      const page = await (await newCallerContext(browser)).newPage();
      await listenIn(page);
      told = noteSignaling(page);
      await page.goto(`http://127.0.0.1:${new URL(server.url).port}/`);
      await page.getByRole('button', { name: 'Call' }).click();
      await page.getByText('Live', { exact: true }).waitFor();
      beganMs = performance.now();
      await startRecording(page);
      await page.waitForTimeout(CALM_MS);
      const calm = relay.readCounters();
      relay.disturb(BAD, BAD);
      await page.waitForTimeout(BAD_MS);
      badCounters = relay.readCounters();
      relay.disturb(CLEAN, CLEAN);
      // What comes early after a bad time lies in the buffer, so that its delay is greatest now.
      await page.waitForTimeout(MEMORY_MS);
      const isBack = () => medianBufferMs(0, CALM_MS) + BACK_MS > lastBufferMs();
      await vi.waitUntil(isBack, { timeout: RECOVERY_MS_MAX - MEMORY_MS, interval: 500 }).catch(() => undefined);
      recoveredMs = performance.now() - beganMs - CALM_MS - BAD_MS;
      await page.waitForTimeout(END_MS);
      const { sampleRateHz, microphone, received } = await stopRecording(page);
      hungUpMs = performance.now();
      await page.getByRole('button', { name: 'Hang up' }).click();
      await page.getByRole('button', { name: 'Call again' }).waitFor();
      stats = await vi.waitFor(() => statsIn(server.log), 3_000);
      counters = sumOf([calm, badCounters, relay.readCounters()]);
      followed = await follow({ sampleRateHz, pcm: microphone }, { sampleRateHz, pcm: received });
    } finally {
      await browser.close();
    }
  }, 120_000);

  const phase = (fromMs: number, toMs: number): readonly FollowedStretch[] =>
    followed.stretches.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const calm = () => phase(ADAPTING_MS, CALM_MS);
  const bad = () => phase(CALM_MS, CALM_MS + BAD_MS);
  const after = () => phase(CALM_MS + BAD_MS, CALM_MS + BAD_MS + recoveredMs);
  const end = () => phase(CALM_MS + BAD_MS + recoveredMs, Number.POSITIVE_INFINITY);
  const isHeard = ({ correlation }: FollowedStretch) => correlation >= HEARD_CORRELATION_MIN;

  afterAll(() => {
    const row = (stretches: readonly FollowedStretch[]) => ({
      'heard, %': Math.round((100 * stretches.filter(isHeard).length) / stretches.length),
      'lost in a row, ms': 200 * longestRun(stretches, (stretch) => !isHeard(stretch)),
      'correlation, median': Number(median(stretches.map(({ correlation }) => correlation)).toFixed(2)),
      'level, dB': Number(median(stretches.map(({ gainDb }) => gainDb)).toFixed(1)),
      'mouth to ear, ms': Math.round(median(stretches.map(({ delayMs }) => delayMs))),
    });
    console.log(
      `jitter buffer, ms, second by second: ${bufferMs(0, Number.POSITIVE_INFINITY).map(Math.round).join(' ')}`,
    );
    console.table({ before: row(calm()), during: row(bad()), after: row(after()), 'at the end': row(end()) });
  });

  it('stays live: it neither reconnects nor faults nor ends before it is hung up', () => {
    const before = told.filter(({ atMs }) => atMs < hungUpMs);
    const states = before.filter(({ name }) => name === 'state').map(({ payload }) => payload.state);
    expect(states).toEqual(['joining', 'connecting', 'live']);
    expect(before.filter(({ name }) => name === 'fault' || name === 'mediaLost' || name === 'ended')).toEqual([]);
  });

  it('met the network that was set', () => {
    for (const { receivedCount, lostCount } of [badCounters.up, badCounters.down]) {
      expect(lostCount / receivedCount).toBeGreaterThan(0.02);
      expect(lostCount / receivedCount).toBeLessThan(0.09);
    }
    expect(badCounters.up.reorderedCount).toBeGreaterThan(20);
    expect(badCounters.up.duplicatedCount).toBeGreaterThan(0);
  });

  it('brings speech back without losing 1 s of it in a row, at its level', () => {
    expect(bad().filter(isHeard).length / bad().length).toBeGreaterThan(0.6);
    expect(longestRun(bad(), (stretch) => !isHeard(stretch))).toBeLessThanOrEqual(LOST_STRETCHES_MAX);
    const levelDb = (stretches: readonly FollowedStretch[]) => median(stretches.map(({ gainDb }) => gainDb));
    expect(Math.abs(levelDb(bad()) - levelDb(calm()))).toBeLessThan(4);
  });

  it('counts in its jitter buffer what the network did', () => {
    const { input } = stats;
    // Encryption already refuses doubles, so the jitter buffer sees each packet once; the call's first and last packets
    // find no stream yet, or no longer.
    const arrivedCount = counters.up.sentCount - counters.up.duplicatedCount;
    expect(Math.abs(input.packetCount - arrivedCount)).toBeLessThan(0.02 * arrivedCount);
    expect(input.duplicatePacketCount).toBe(0);
    // What the network lost, the jitter buffer restored or missed; what came too late it missed as well.
    expect(input.lostPacketCount + input.fecRestoredPacketCount).toBeGreaterThanOrEqual(0.9 * counters.up.lostCount);
    expect(input.fecRestoredPacketCount).toBeGreaterThan(0);
    expect(input.reorderedPacketCount).toBeGreaterThan(0.5 * counters.up.reorderedCount);
    expect(input.reorderedPacketCount).toBeLessThan(1.5 * counters.up.reorderedCount);
  });

  it('gives its delay back when the network is good again', () => {
    const calmMs = medianBufferMs(0, CALM_MS);
    expect(Math.max(...bufferMs(CALM_MS, CALM_MS + BAD_MS + recoveredMs))).toBeGreaterThan(calmMs + 15);
    expect(recoveredMs).toBeLessThan(RECOVERY_MS_MAX);
    const delayMs = (stretches: readonly FollowedStretch[]) => median(stretches.map((stretch) => stretch.delayMs));
    expect(delayMs(end())).toBeLessThan(delayMs(calm()) + MOUTH_TO_EAR_MORE_MS_MAX);
  });
});

function longestRun<T>(values: readonly T[], is: (value: T) => boolean): number {
  let [run, longest] = [0, 0];
  for (const value of values) {
    run = is(value) ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

function sumOf(readings: readonly Readonly<Record<'up' | 'down', RelayCounters>>[]): {
  up: RelayCounters;
  down: RelayCounters;
} {
  const add = (a: RelayCounters, b: RelayCounters) =>
    Object.fromEntries(Object.entries(a).map(([name, value]) => [name, value + b[name as keyof RelayCounters]]));
  return readings.reduce((a, b) => ({ up: add(a.up, b.up), down: add(a.down, b.down) }) as never);
}

function statsIn(log: string): CallStats {
  const line = log.split('\n').find((text) => text.includes('call media ended'))!;
  return (JSON.parse(line) as { stats: CallStats }).stats;
}
