import { FRAME_SAMPLES } from '../../engine/engine.ts';
import type { Ready } from '../messages.ts';
import { callOnce, type TrialClient, trialFrames } from './bench.ts';
import type { Clause } from './conformance.ts';

export const TICK_CLAUSES: readonly Clause[] = [
  {
    name: 'steps-every-tick',
    demands: 'answers each frame once, from the step of its own tick, with samples that are numbers',
    async try(bench) {
      const { client } = await bench.greet();
      const replies = await client.speak(await client.openSlot(1n), trialFrames(6));
      const ticks = replies.map(({ tickIndex }) => tickIndex - replies[0]!.tickIndex);
      if (ticks.join() !== '0,1,2,3,4,5') throw new Error(`replies of ticks ${ticks.join() || 'none'}`);
      for (const { pcm, isDeficit, frameReceivedMs, stepBeganMs, stepEndedMs } of replies) {
        if (isDeficit) throw new Error('a deficit, though the frame was there ahead of time');
        if (!(frameReceivedMs <= stepBeganMs && stepBeganMs <= stepEndedMs)) {
          throw new Error(`received ${frameReceivedMs}, began ${stepBeganMs}, ended ${stepEndedMs}`);
        }
        if (!pcm.every(Number.isFinite)) throw new Error('a sample that is not a number');
      }
    },
  },
  {
    name: 'replies-in-time',
    demands: 'steps no tick before its time, and replies before the next one',
    async try(bench) {
      const { client, ready } = await bench.greet();
      const offsetMs = await clockOffset(client);
      const replies = await client.speak(await client.openSlot(1n), trialFrames(6));
      const arrivedLateMs = replies.map((reply) => {
        const tickMs = ready.tickZeroMs + reply.tickIndex * ready.periodMs;
        if (reply.stepBeganMs < tickMs)
          throw new Error(`a step began ${tickMs - reply.stepBeganMs} ms before its tick`);
        return client.received.find(({ message }) => message === reply)!.atMs - offsetMs - tickMs;
      });
      const late = median(arrivedLateMs);
      // The median: a machine that has other things to do may be late once.
      if (!(late < ready.periodMs)) throw new Error(`replies came ${late.toFixed(1)} ms after their tick`);
    },
  },
  {
    name: 'reports-ticks',
    demands: 'reports every tick, one a period, with counters that never fall',
    async try(bench) {
      const { client, ready } = await bench.greet();
      for (let i = 0; i < 8; i++) await client.nextTick();
      const reports = client.all('tick');
      for (const [i, report] of reports.entries()) {
        const before = reports[i - 1];
        if (before) checkSuccession(before, report);
      }
      const arrivals = client.received.filter(({ message }) => message.type === 'tick').map(({ atMs }) => atMs);
      const gap = median(arrivals.slice(1).map((atMs, i) => atMs - arrivals[i]!));
      if (Math.abs(gap - ready.periodMs) > 0.25 * ready.periodMs)
        throw new Error(`a report every ${gap.toFixed(1)} ms`);
    },
  },
  {
    name: 'counts-deficits',
    demands: 'steps silence where a frame is missing, says so and counts it',
    async try(bench) {
      const { client } = await bench.greet();
      const [a, b, c] = trialFrames(3);
      const before = await client.nextTick();
      const replies = await client.speak(await client.openSlot(1n), [a, b, undefined, c]);
      const deficits = replies.map(({ isDeficit }) => isDeficit).join();
      if (deficits !== 'false,false,true,false') throw new Error(`deficits: ${deficits}`);
      if (!Number.isNaN(replies[2]!.frameReceivedMs)) throw new Error('a time of receipt for a frame that never came');
      const counted = client.all('tick').at(-1)!.frameDeficitCount - before.frameDeficitCount;
      if (counted < 1) throw new Error('not counted');
    },
  },
  {
    name: 'drops-late-frames',
    demands: 'drops a frame whose tick is over, and counts it',
    async try(bench) {
      const { client } = await bench.greet();
      const slot = await client.openSlot(1n);
      const before = await client.nextTick();
      client.send({ type: 'frame', slot, tickIndex: before.tickIndex, pcm: trialFrames(1)[0]! });
      await client.nextTick();
      const after = await client.nextTick();
      const counted = after.lateFrameCount - before.lateFrameCount;
      if (counted !== 1) throw new Error(`counted ${counted}`);
      if (client.all('reply').length > 0) throw new Error('replied to it');
    },
  },
  {
    name: 'takes-the-last-frame',
    demands: 'steps the second of two frames for a tick',
    async try(bench) {
      const { client } = await bench.greet();
      const frames = trialFrames(3);
      const plain = await callOnce(client, 1n, frames);
      if ((await callOnce(client, 1n, frames, trialFrames(6).slice(3))) !== plain) {
        throw new Error('the frames that were replaced changed its bits');
      }
    },
  },
  {
    name: 'refuses-early-frames',
    demands: 'refuses a frame more than 8 ticks ahead with FRAME_EARLY, and the slot goes on',
    async try(bench) {
      const { client } = await bench.greet();
      const slot = await client.openSlot(1n);
      const { tickIndex } = await client.nextTick();
      client.send({ type: 'frame', slot, tickIndex: tickIndex + 20, pcm: trialFrames(1)[0]! });
      await expectRefusal(client, slot, 'FRAME_EARLY');
    },
  },
  {
    name: 'refuses-bad-frames',
    demands: 'refuses a frame that the model cannot take with FRAME_INVALID, and the slot goes on',
    async try(bench) {
      const { client, ready } = await bench.greet();
      for (const [what, wrong] of badFrames(ready)) {
        const slot = await client.openSlot(1n);
        const { tickIndex } = await client.nextTick();
        client.received.length = 0;
        client.send({ type: 'frame', slot, tickIndex: tickIndex + 3, pcm: trialFrames(1)[0]!, ...wrong });
        await expectRefusal(client, slot, 'FRAME_INVALID').catch((error) => {
          throw new Error(`${what}: ${error.message}`);
        });
        client.send({ type: 'closeSlot', slot });
        await client.next('closed');
      }
    },
  },
];

function badFrames({ info }: Ready): [what: string, wrong: object][] {
  return [
    ['a sample that is not a number', { pcm: new Float32Array(FRAME_SAMPLES).fill(Number.NaN) }],
    ['an infinite sample', { pcm: new Float32Array(FRAME_SAMPLES).fill(Number.POSITIVE_INFINITY) }],
    ['a text token that is not there', { forcedText: info.textVocabularySize }],
    ['too few codes', { forcedAudio: new Int32Array(info.agentCodebookCount + 1) }],
    ['too few added values', { addToInput: new Float32Array(info.inputDim + 1) }],
  ];
}

async function expectRefusal(client: TrialClient, slot: number, code: string): Promise<void> {
  const error = await client.next('error');
  if (error.code !== code || error.slot !== slot || error.isFatal) {
    throw new Error(`answered ${error.code} about slot ${error.slot}${error.isFatal ? ', and hung up' : ''}`);
  }
  const replies = await client.speak(slot, trialFrames(2));
  if (replies.length !== 2) throw new Error(`the slot then gave ${replies.length} replies to 2 frames`);
}

const COUNTERS = ['lateTickCount', 'skippedTickCount', 'frameDeficitCount', 'lateFrameCount'] as const;

function checkSuccession(
  before: Record<(typeof COUNTERS)[number] | 'tickIndex', number>,
  after: Record<(typeof COUNTERS)[number] | 'tickIndex', number>,
): void {
  for (const name of COUNTERS) {
    if (after[name] < before[name]) throw new Error(`${name} fell from ${before[name]} to ${after[name]}`);
  }
  const skipped = after.skippedTickCount - before.skippedTickCount;
  if (after.tickIndex !== before.tickIndex + 1 + skipped) {
    throw new Error(`tick ${after.tickIndex} after ${before.tickIndex}, with ${skipped} skipped`);
  }
}

/** Our clock minus the worker's, by the quickest of a few pings. */
async function clockOffset(client: TrialClient): Promise<number> {
  const samples: { roundTripMs: number; offsetMs: number }[] = [];
  for (let id = 1; id <= 5; id++) {
    const sentMs = performance.now();
    client.send({ type: 'ping', id });
    const pong = await client.next('pong', (message) => message.id === id);
    const roundTripMs = performance.now() - sentMs;
    samples.push({ roundTripMs, offsetMs: sentMs + roundTripMs / 2 - pong.nowMs });
  }
  return samples.reduce((best, sample) => (sample.roundTripMs < best.roundTripMs ? sample : best)).offsetMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
