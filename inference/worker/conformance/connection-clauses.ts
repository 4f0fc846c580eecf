import { PROTOCOL_VERSION, type Ready, type SlotReply } from '../messages.ts';
import { encodeMessage } from '../protocol.ts';
import { callOnce, trialFrames } from './bench.ts';
import type { Clause } from './conformance.ts';

const HELLO = encodeMessage({ type: 'hello', versionMin: 1, versionMax: PROTOCOL_VERSION });

const HELLO_WITHIN_MS = 2000;

const MALFORMED: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ['an unknown type', Uint8Array.of(1, 0, 0, 0, 0x7f)],
  ["the worker's own type", Uint8Array.of(13, 0, 0, 0, 0x86, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
  ['a length of 0', Uint8Array.of(0, 0, 0, 0, 0x05)],
  ['a length beyond the limit', Uint8Array.of(0xff, 0xff, 0xff, 0x7f, 0x04)],
  ['a body with a byte too few', Uint8Array.of(4, 0, 0, 0, 0x05, 1, 2, 3)],
  ['a body with a byte too many', Uint8Array.of(6, 0, 0, 0, 0x05, 1, 2, 3, 4, 5)],
  ['an unknown flag', Uint8Array.of(8, 0, 0, 0, 0x04, 0, 0, 0, 0, 0, 0, 0x80)],
  ['a second hello', HELLO],
];

export const CONNECTION_CLAUSES: readonly Clause[] = [
  {
    name: 'greets',
    demands: 'answers hello with ready: a version it was offered, a clock, a grid of ticks, at least one slot',
    async try(bench) {
      const { ready } = await bench.greet();
      if (ready.version !== PROTOCOL_VERSION) throw new Error(`version ${ready.version}`);
      for (const name of ['nowMs', 'tickZeroMs', 'periodMs', 'graceMs'] as const) {
        if (!Number.isFinite(ready[name])) throw new Error(`${name} is ${ready[name]}`);
      }
      if (!(ready.periodMs > 0 && ready.graceMs >= 0 && ready.graceMs < ready.periodMs)) {
        throw new Error(`a period of ${ready.periodMs} ms with a grace of ${ready.graceMs}`);
      }
      if (ready.info.slotCount < 1) throw new Error(`${ready.info.slotCount} slots`);
    },
  },
  {
    name: 'refuses-unknown-versions',
    demands: 'refuses a client that speaks no version of its own with VERSION_UNSUPPORTED',
    async try(bench) {
      const client = await bench.connect();
      client.send({ type: 'hello', versionMin: 60_000, versionMax: 60_001 });
      await client.expectFatal('VERSION_UNSUPPORTED');
    },
  },
  {
    name: 'keeps-to-the-version',
    demands: 'speaks version 1 with a client of version 1: nothing of a transcript',
    async try(bench) {
      const { client, ready } = await bench.greet(1);
      if (ready.version !== 1) throw new Error(`version ${ready.version}`);
      if (ready.info.hasTranscript) throw new Error('its engine has a transcript');
      demandTranscripts(await client.speak(await client.openSlot(1n), trialFrames(3)), false);
    },
  },
  {
    name: 'transcribes-as-stated',
    demands: 'gives a transcript, be it empty, with every reply where ready says so, and with none where it does not',
    async try(bench) {
      const { client, ready } = await bench.greet();
      demandTranscripts(await client.speak(await client.openSlot(1n), trialFrames(3)), ready.info.hasTranscript);
    },
  },
  {
    name: 'demands-hello',
    demands: 'refuses every message before hello',
    async try(bench) {
      const client = await bench.connect();
      client.send({ type: 'ping', id: 1 });
      await client.expectFatal('PROTOCOL_INVALID');
    },
  },
  {
    name: 'awaits-hello',
    demands: 'ends a connection that says no hello within 2 s with PROTOCOL_INVALID',
    async try(bench) {
      const client = await bench.connect();
      await client.expectFatal('PROTOCOL_INVALID', HELLO_WITHIN_MS + 1000);
    },
  },
  {
    name: 'refuses-malformed',
    demands: 'ends a connection over bytes that are no message, saying PROTOCOL_INVALID first',
    async try(bench) {
      for (const [what, bytes] of MALFORMED) {
        const { client } = await bench.greet();
        client.sendBytes(bytes);
        await client.expectFatal('PROTOCOL_INVALID').catch((error) => {
          throw new Error(`${what}: ${error.message}`);
        });
      }
    },
  },
  {
    name: 'answers-pings',
    demands: 'answers each ping with its id and a clock that runs as fast as ours',
    async try(bench) {
      const { client } = await bench.greet();
      const ping = async (id: number) => {
        client.send({ type: 'ping', id });
        const pong = await client.next('pong', (message) => message.id === id);
        return { workerMs: pong.nowMs, localMs: performance.now() };
      };
      const first = await ping(7);
      await client.nextTick();
      await client.nextTick();
      const second = await ping(0xffff_ffff);
      const [worker, local] = [second.workerMs - first.workerMs, second.localMs - first.localMs];
      // Each answer may have been held up by a step.
      if (Math.abs(worker - local) > 100) throw new Error(`its clock went ${worker} ms while ours went ${local}`);
    },
  },
  {
    name: 'counts-slots',
    demands: 'opens each of its slots once, and then says SLOTS_FULL',
    async try(bench) {
      const { client, ready } = await bench.greet();
      const slots = new Set<number>();
      for (let i = 0; i < ready.info.slotCount; i++) slots.add(await client.openSlot(BigInt(i), i + 1));
      if (slots.size !== ready.info.slotCount) throw new Error(`gave ${[...slots]} for ${ready.info.slotCount} slots`);
      client.send({ type: 'openSlot', requestId: 5000, options: { seed: 0n } });
      const error = await client.next('error', ({ requestId }) => requestId === 5000);
      if (error.code !== 'SLOTS_FULL' || error.isFatal) throw new Error(`answered ${error.code}`);
    },
  },
  {
    name: 'refuses-bad-options',
    demands: 'refuses a slot for sampling or attributes that its model does not know, and opens the next one',
    async try(bench) {
      const { client, ready } = await bench.greet();
      for (const [code, options] of badOptions(ready)) {
        const requestId = 100 + client.all('error').length;
        client.send({ type: 'openSlot', requestId, options: { seed: 1n, ...options } });
        const error = await client.next('error', (message) => message.requestId === requestId);
        if (error.code !== code || error.isFatal) throw new Error(`answered ${error.code} to what is ${code}`);
      }
      await client.openSlot(1n);
    },
  },
  {
    name: 'ends-replies',
    demands: 'answers closeSlot with closed, after which no reply of the slot comes',
    async try(bench) {
      const { client } = await bench.greet();
      const slot = await client.openSlot(1n);
      const { tickIndex } = await client.nextTick();
      for (const [i, pcm] of trialFrames(6).entries()) {
        client.send({ type: 'frame', slot, tickIndex: tickIndex + 2 + i, pcm });
      }
      await client.next('reply');
      client.send({ type: 'closeSlot', slot });
      const closed = await client.next('closed', (message) => message.slot === slot);
      if (closed.reason !== 'asked') throw new Error(`closed as ${closed.reason}`);
      for (let i = 0; i < 3; i++) await client.nextTick();
      const messages = client.received.map(({ message }) => message);
      const last = messages.findLastIndex(({ type }) => type === 'reply');
      if (last > messages.indexOf(closed)) throw new Error('a reply after closed');
    },
  },
  {
    name: 'guards-slots',
    demands: "refuses frames and closing for another connection's slot with SLOT_CLOSED, and that slot goes on",
    async try(bench) {
      const owner = (await bench.greet()).client;
      const other = (await bench.greet()).client;
      const slot = await owner.openSlot(1n);
      other.send({ type: 'frame', slot, tickIndex: 0, pcm: trialFrames(1)[0]! }, { type: 'closeSlot', slot });
      await other.nextTick();
      const codes = other.all('error').map(({ code }) => code);
      if (codes.join() !== 'SLOT_CLOSED,SLOT_CLOSED') throw new Error(`answered ${codes.join() || 'nothing'}`);
      const replies = await owner.speak(slot, trialFrames(2));
      if (replies.length !== 2) throw new Error(`the slot gave ${replies.length} replies to 2 frames`);
    },
  },
  {
    name: 'frees-slots',
    demands: 'frees the slots of a connection that ends, and a slot that is closed',
    async try(bench) {
      const lost = await bench.greet();
      for (let i = 0; i < lost.ready.info.slotCount; i++) await lost.client.openSlot(1n);
      await lost.client.hangUp();
      const { client, ready } = await bench.greet();
      await client.nextTick();
      await client.nextTick();
      for (let i = 0; i < ready.info.slotCount; i++) await client.openSlot(1n);
      client.send({ type: 'closeSlot', slot: 0 });
      await client.next('closed', ({ slot }) => slot === 0);
      if ((await client.openSlot(1n)) !== 0) throw new Error('another slot than the one that was closed was free');
    },
  },
  {
    name: 'begins-anew',
    demands: 'gives the same bits for the same seed and frames, whoever had the slot before',
    async try(bench) {
      const { client } = await bench.greet();
      const first = await callOnce(client, 1n);
      const between = await callOnce(client, 2n, trialFrames(6).reverse());
      const second = await callOnce(client, 1n);
      if (first !== second) throw new Error('the same call gave other bits in a used slot');
      if (between === first) throw new Error('another call gave the same bits');
    },
  },
  {
    name: 'keeps-neighbours',
    demands: 'gives a call the same bits while other connections misbehave',
    async try(bench) {
      const { client } = await bench.greet();
      const clean = await callOnce(client, 3n);
      const disturbed = callOnce(client, 3n);
      for (const [, bytes] of MALFORMED) {
        const other = (await bench.greet()).client;
        other.send({ type: 'frame', slot: 0, tickIndex: 0, pcm: trialFrames(1)[0]! });
        other.sendBytes(bytes);
      }
      if ((await disturbed) !== clean) throw new Error('its bits changed');
    },
  },
];

function badOptions({ info }: Ready): [code: string, options: object][] {
  return [
    ['SAMPLING_INVALID', { sampling: { textTemperature: -1 } }],
    ['SAMPLING_INVALID', { sampling: { audioTemperature: Number.NaN } }],
    ['SAMPLING_INVALID', { sampling: { textTopK: info.topKMax + 1 } }],
    ['SAMPLING_INVALID', { sampling: { audioTopK: 0 } }],
    ['ATTRIBUTE_UNKNOWN', { attributes: { 'no model has this': 'value' } }],
  ];
}

function demandTranscripts(replies: readonly SlotReply[], isStated: boolean): void {
  if (replies.length === 0) throw new Error('no replies');
  const differing = replies.filter(({ transcript }) => (transcript !== undefined) !== isStated);
  if (differing.length > 0) {
    throw new Error(`${differing.length} of ${replies.length} replies ${isStated ? 'without' : 'with'} a transcript`);
  }
}
