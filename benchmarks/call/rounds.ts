import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { LatencyReport } from '../../sdk/index.ts';
import {
  listenIn,
  newCallerContext,
  type ReceiverCounters,
  type Recording,
  readReceivers,
  startRecording,
  stopRecording,
} from '../browser/index.ts';
import { chirpDelays, type HeardChirps } from './chirps.ts';
import { placeDirectCall } from './direct-call.ts';
import { type MachineLoad, watchLoad } from './machine-load.ts';
import { endServerCall, placeServerCall } from './server-call.ts';

/** Before it is listened to: the receiver's buffer starts larger than it stays, and the server learns its step's time. */
const SETTLE_MS = 4_000;

/** The recorder's own start: its sources begin one after the other. */
const HEAD_MS = 500;

/** The offer's Opus line of the SDK's calls, so that both ways are coded alike. */
const OPUS = 'minptime=10;useinbandfec=1;stereo=0;maxplaybackrate=24000;maxaveragebitrate=32000';

/** How a call is placed: from the page to itself, or through a server. */
export type Way =
  | { readonly kind: 'direct' }
  | { readonly kind: 'server'; readonly url: string; readonly script: string };

export interface RecordedCall {
  readonly kind: Way['kind'];
  readonly recording: Recording;
  readonly receivers: ReceiverCounters;
  /** About one a second; none of a direct call. */
  readonly reports: readonly LatencyReport[];
  readonly load: MachineLoad;
}

/** Places a call in a page of its own, lets it settle, and records it. */
export async function recordCall(browser: Browser, way: Way, recordMs: number): Promise<RecordedCall> {
  const context = await newCallerContext(browser);
  try {
    const page = await context.newPage();
    page.on('pageerror', (error) => console.error(error));
    await listenIn(page);
    await place(page, way);
    await sleep(SETTLE_MS);
    const readLoad = watchLoad();
    await startRecording(page);
    await sleep(HEAD_MS);
    const before = await readReceivers(page);
    await sleep(recordMs);
    const after = await readReceivers(page);
    const load = readLoad();
    const recording = withoutHead(await stopRecording(page));
    const reports = way.kind === 'server' ? await endServerCall(page) : [];
    return { kind: way.kind, recording, receivers: difference(before, after), reports, load };
  } finally {
    await context.close();
  }
}

export interface Round extends Omit<RecordedCall, 'recording'>, HeardChirps {}

/** Calls one way and the other in turn, direct first and last: what wanders on the machine touches both. */
export async function runRounds(
  browser: Browser,
  server: Extract<Way, { kind: 'server' }>,
  { roundCount, recordMs }: { roundCount: number; recordMs: number },
): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let i = 0; i <= 2 * roundCount; i++) {
    const { recording, ...call } = await recordCall(browser, i % 2 === 0 ? { kind: 'direct' } : server, recordMs);
    const round = { ...call, ...chirpDelays(recording) };
    rounds.push(round);
    console.log(describeRound(i, round));
  }
  return rounds;
}

function withoutHead({ sampleRateHz, microphone, received }: Recording): Recording {
  const head = (HEAD_MS * sampleRateHz) / 1000;
  return { sampleRateHz, microphone: microphone.subarray(head), received: received.subarray(head) };
}

async function place(page: Page, way: Way): Promise<void> {
  if (way.kind === 'direct') await placeDirectCall(page, OPUS);
  else await placeServerCall(page, way.url, way.script);
}

function difference(before: ReceiverCounters, after: ReceiverCounters): ReceiverCounters {
  const samples = after.bufferSamples - before.bufferSamples;
  return {
    packetsLost: after.packetsLost - before.packetsLost,
    concealedMs: after.concealedMs - before.concealedMs,
    removedMs: after.removedMs - before.removedMs,
    insertedMs: after.insertedMs - before.insertedMs,
    bufferedMsSum: after.bufferedMsSum - before.bufferedMsSum,
    bufferSamples: samples,
  };
}

function describeRound(index: number, { kind, delaysMs, lostCount, receivers, load }: Round): string {
  const sorted = delaysMs.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN).toFixed(1);
  return [
    `${String(index).padStart(2)} ${kind.padEnd(6)}`,
    `${sorted.length} chirps, ${lostCount} lost`,
    `mouth to ear ${at(0)} / ${at(0.5)} / ${at(1)} ms (least, median, most)`,
    `receiver's buffer ${(receivers.bufferedMsSum / receivers.bufferSamples).toFixed(1)} ms`,
    `concealed ${receivers.concealedMs.toFixed(0)} ms`,
    `machine ${load.busyPercent.toFixed(0)} % busy, ${load.stolenPercent.toFixed(1)} % stolen`,
  ].join(' · ');
}
