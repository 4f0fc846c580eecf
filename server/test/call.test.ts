import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ParleyNode } from '../node.ts';
import { Callers, listen, untilHeard, untilState } from './callers.ts';
import { givenNode } from './given-node.ts';
import { toneLevelDb } from './tone-level.ts';
import { CALLER_RATE_HZ } from './wrtc-caller.ts';

const SLOTS = 8;
/** Each of the eight calls is listened to that often, for that long: 7 s in all. */
const LISTENINGS = 20;
const LISTENING_MS = 350;
// Far apart, so that the codec's noise around one is not taken for another, and none a harmonic of another.
const TONES_HZ = [443, 739, 1237, 1831, 2539, 3433, 4637, 6131];

let node: ParleyNode;
const callers = new Callers();
beforeAll(async () => {
  node = await givenNode({ engine: { slotCount: SLOTS } });
});
afterAll(() => node.close('server-shutdown'));
afterEach(async () => {
  callers.closeAll();
  // Slots come back a moment after their callers have gone.
  await expect.poll(() => node.callCount).toBe(0);
});

describe('a call', () => {
  it('goes live, returns the caller’s voice, and ends when it hangs up', async () => {
    const caller = callers.dial(node, 700);
    const joined = await caller.place();
    expect(joined.engine).toEqual({ name: 'loopback', isUntrained: false, checkpointHash: '' });
    await untilState(caller, 'live');
    await untilHeard(caller, 700);
    await caller.request('hangup', {});
    await untilState(caller, 'ended');
    expect(caller.states).toEqual(['joining', 'connecting', 'live', 'ended']);
    expect(caller.endings).toEqual([{ reason: 'hung-up' }]);
    expect(caller.faultCodes).toEqual([]);
  });

  it('is told its levels and where its latency comes from', async () => {
    const caller = await callers.call(node);
    await untilHeard(caller, 440);
    const payloadsOf = (name: string) =>
      caller.events.filter((event) => event.name === name).map(({ payload }) => payload);
    await expect
      .poll(() => payloadsOf('latency'), { timeout: 5_000 })
      .toContainEqual({
        bufferMs: expect.any(Number),
        tickWaitMs: expect.any(Number),
        stepMs: expect.any(Number),
        pacingMs: expect.any(Number),
      });
    // The root mean square of a sine of 0.3 of full scale, both ways.
    await expect
      .poll(() => payloadsOf('levels'), { timeout: 5_000 })
      .toContainEqual({
        callerDbfs: expect.closeTo(-13.5, 0),
        assistantDbfs: expect.closeTo(-13.5, 0),
      });
  });

  it('frees its slot when its connection breaks', async () => {
    const caller = await callers.call(node);
    expect(node.callCount).toBe(1);
    caller.close();
    await expect.poll(() => node.callCount).toBe(0);
  });
});

// In real time: a second in which another program holds the cores is no defect; three such in a row are one.
describe('eight calls at once', { timeout: 120_000, retry: 2 }, () => {
  it('each get their own tone back and the others below −60 dB; a ninth is refused until one ends', async () => {
    const live = await Promise.all(TONES_HZ.map((toneHz) => callers.call(node, toneHz)));
    await Promise.all(
      live.map(async (caller, own) => {
        await untilHeard(caller, TONES_HZ[own]!);
        // A neighbour that leaks is there all the time; the clicks of a busy machine's gaps are not.
        const leastDb = TONES_HZ.map(() => 0);
        for (let time = 0; time < LISTENINGS; time++) {
          const heard = await listen(caller, LISTENING_MS);
          const levelsDb = TONES_HZ.map((toneHz) => toneLevelDb(heard, toneHz, CALLER_RATE_HZ));
          for (const [other, levelDb] of levelsDb.entries())
            leastDb[other] = Math.min(leastDb[other]!, levelDb - levelsDb[own]!);
        }
        expect(Math.max(...leastDb.filter((_, other) => other !== own))).toBeLessThan(-60);
      }),
    );

    const ninth = callers.dial(node);
    const refused = await ninth.ask('join', { protocolVersion: 1 });
    expect(refused).toMatchObject({ ok: false, error: { code: 'NO_CAPACITY', retryable: true } });
    await live[0]!.request('hangup', {});
    await expect.poll(() => node.callCount).toBe(SLOTS - 1);
    await ninth.place();
    await untilState(ninth, 'live');
    await untilHeard(ninth, 440);
  });
});

describe('bad requests', () => {
  it('are answered with their codes while another call goes on unharmed', async () => {
    const good = await callers.call(node, 600);
    await untilHeard(good, 600);
    const bad = callers.dial(node);
    const offer = await bad.request('join', { protocolVersion: 1 });
    const dtlsParameters = { fingerprints: [{ algorithm: 'sha-256', value: Array(32).fill('00').join(':') }] };
    const opus = { mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 };
    const sendId = offer.sendTransport.id;
    const asked: [name: string, request: unknown, code: string][] = [
      ['transport:connect', { transportId: sendId, dtlsParameters: { fingerprints: [] } }, 'REQUEST_INVALID'],
      ['transport:connect', { transportId: 'nobody', dtlsParameters }, 'TRANSPORT_UNKNOWN'],
      ['produce', { transportId: offer.recvTransport.id, rtpParameters: { codecs: [opus] } }, 'TRANSPORT_UNKNOWN'],
      [
        'produce',
        { transportId: sendId, rtpParameters: { codecs: [{ ...opus, mimeType: 'audio/PCMU', clockRate: 8000 }] } },
        'MEDIA_REFUSED',
      ],
      ['consume', { rtpCapabilities: { codecs: [] } }, 'MEDIA_REFUSED'],
      ['rejoin', {}, 'REQUEST_OUT_OF_ORDER'],
      ['join', { protocolVersion: 1 }, 'REQUEST_OUT_OF_ORDER'],
    ];
    for (const [name, request, code] of asked) {
      expect(await bad.ask(name, request), name).toMatchObject({ ok: false, error: { code } });
    }
    await untilHeard(good, 600);
    expect(good.states).toEqual(['joining', 'connecting', 'live']);
    expect(good.faultCodes).toEqual([]);
  });
});
