import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LoopbackEngine } from '../loopback/loopback-engine.ts';
import { givenServer, pcmOf, RememberingEngine, speech } from '../testing/given-worker.ts';
import { connectWorker, type WorkerLink } from './link.ts';
import { runPacedCall } from './paced-call.ts';

let dir: string;
let socketPath: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-test-'));
  socketPath = join(dir, 'w.sock');
});
afterEach(() => rm(dir, { recursive: true }));

async function lastReport(link: WorkerLink) {
  const [report] = await once(link, 'tick');
  return report;
}

// In real time: a second in which another program holds the cores is no defect; three such in a row are one.
describe('a worker', { retry: 2 }, () => {
  it('returns every frame from the step of its own tick, to the slot and connection it came from', async () => {
    await using server = await givenServer(socketPath, new LoopbackEngine({ slotCount: 3 }));
    await using first = await connectWorker(socketPath);
    await using second = await connectWorker(socketPath);
    const slots = [
      await first.openSlot({ seed: 1n }),
      await second.openSlot({ seed: 2n }),
      await second.openSlot({ seed: 3n }),
    ];
    const links = [first, second, second];
    const firstTick = first.clock.nextTick(performance.now()).index + 2;
    const spoken = slots.map((_, k) => speech(6, k));
    const calls = await Promise.all(slots.map((slot, k) => runPacedCall(links[k]!, slot, spoken[k]!, { firstTick })));
    expect(slots.map(({ slot }) => slot)).toEqual([0, 1, 2]);
    for (const [k, replies] of calls.entries()) {
      expect(replies.map(({ tickIndex }) => tickIndex)).toEqual(spoken[k]!.map((_, i) => firstTick + i));
      expect(replies.map(({ pcm }) => pcm)).toEqual(spoken[k]!.map(({ pcm }) => pcm));
      for (const reply of replies) {
        expect(reply.frameReceivedAtMs).toBeLessThanOrEqual(reply.stepBeganAtMs);
        expect(reply.stepBeganAtMs).toBeLessThanOrEqual(reply.stepEndedAtMs);
      }
    }
    expect(server.nowMs()).toBeGreaterThan(0);
  });

  it('steps silence in place of a missing frame, counts it, and drops the frame that comes too late', async () => {
    await using _ = await givenServer(socketPath, new LoopbackEngine({ slotCount: 1 }));
    await using link = await connectWorker(socketPath);
    const slot = await link.openSlot({ seed: 1n });
    const [a, b, c] = speech(3, 1);
    const replies = await runPacedCall(link, slot, [a, undefined, c]);
    expect(replies.map(({ pcm, isDeficit }) => [pcm[0], isDeficit])).toEqual([
      [a!.pcm[0], false],
      [0, true],
      [c!.pcm[0], false],
    ]);
    expect(replies[1]!.frameReceivedAtMs).toBeNaN();
    const before = await lastReport(link);
    slot.sendFrame(before.tickIndex, b!.pcm);
    const after = await lastReport(link);
    expect(after.lateFrameCount).toBe(before.lateFrameCount + 1);
    expect(after.frameDeficitCount).toBe(before.frameDeficitCount + 1);
  });

  it('recovers from a step that overruns: counts it, skips what it missed, and is in time again', async () => {
    const engine = new RememberingEngine({ slotCount: 1 });
    await using _ = await givenServer(socketPath, engine);
    // The client must not share the worker's blocked thread to send in time, so all frames are sent ahead.
    await using link = await connectWorker(socketPath);
    const slot = await link.openSlot({ seed: 1n });
    engine.stepsMs.push(0, 200);
    const firstTick = link.clock.nextTick(performance.now()).index + 1;
    const replies = await runPacedCall(link, slot, speech(8), { firstTick, leadMs: 1000 });
    // The step of tick 1 ends 200 ms after it, when tick 3 is due: tick 2 is skipped, tick 3 begins late.
    expect(replies.map(({ tickIndex }) => tickIndex - firstTick)).toEqual([0, 1, 3, 4, 5, 6, 7]);
    const lateMs = replies.map((reply) => reply.stepBeganAtMs - link.clock.atMs(reply.tickIndex));
    expect(lateMs[2]).toBeGreaterThan(30);
    expect(Math.max(...lateMs.slice(3))).toBeLessThan(20);
    const report = await lastReport(link);
    expect(report).toMatchObject({ lateTickCount: 1, skippedTickCount: 1 });
  });

  it('does not drift: ticks stay on the grid of the first', async () => {
    await using _ = await givenServer(socketPath, new LoopbackEngine({ slotCount: 1 }), 10);
    await using link = await connectWorker(socketPath);
    const beganLateMs: number[] = [];
    link.on('tick', (report) => beganLateMs.push(report.beganLateMs));
    await sleep(1000);
    expect(beganLateMs.length).toBeGreaterThan(90);
    beganLateMs.sort((a, b) => a - b);
    expect(beganLateMs[0]).toBeGreaterThanOrEqual(0);
    expect(beganLateMs[Math.floor(beganLateMs.length / 2)]).toBeLessThan(2);
  });

  it('closes the slot whose numbers broke, and no other', async () => {
    const engine = new RememberingEngine({ slotCount: 2 });
    engine.breakAt = { slot: 0, value: 2 / 64 };
    await using _ = await givenServer(socketPath, engine);
    await using link = await connectWorker(socketPath);
    const broken = await link.openSlot({ seed: 1n });
    const whole = await link.openSlot({ seed: 1n });
    const reason = once(broken, 'closed');
    const firstTick = link.clock.nextTick(performance.now()).index + 2;
    const [brokenReplies, wholeReplies] = await Promise.all([
      runPacedCall(link, broken, speech(3), { firstTick }),
      runPacedCall(link, whole, speech(6), { firstTick }),
    ]);
    expect(await reason).toEqual(['not-finite']);
    expect(brokenReplies).toHaveLength(2);
    expect(wholeReplies).toHaveLength(6);
    expect(() => broken.sendFrame(0, pcmOf(0))).toThrow(expect.objectContaining({ code: 'SLOT_CLOSED' }));
    expect((await link.openSlot({ seed: 9n })).slot).toBe(0);
  });

  it('hands out its slots, says when none is left, and takes back those of a lost connection', async () => {
    await using _ = await givenServer(socketPath, new LoopbackEngine({ slotCount: 2 }));
    await using link = await connectWorker(socketPath);
    const other = await connectWorker(socketPath);
    const slot = await link.openSlot({ seed: 1n });
    await other.openSlot({ seed: 1n });
    await expect(link.openSlot({ seed: 1n })).rejects.toMatchObject({ code: 'SLOTS_FULL' });
    await other.close();
    // The worker learns of the end a moment later.
    await once(link, 'tick');
    const again = await link.openSlot({ seed: 1n });
    expect(again.slot).toBe(1);
    await slot.close();
    expect((await link.openSlot({ seed: 1n })).slot).toBe(0);
  });

  it('refuses a slot with the engine’s own reason', async () => {
    await using _ = await givenServer(socketPath, new LoopbackEngine({ slotCount: 1 }));
    await using link = await connectWorker(socketPath);
    const options = { seed: 1n, sampling: { textTopK: 9999 } };
    await expect(link.openSlot(options)).rejects.toMatchObject({ code: 'SAMPLING_INVALID' });
  });

  it.each([
    ['a frame too far ahead', 'FRAME_EARLY', { tickIndex: 1_000_000 }],
    ['a sample that is not finite', 'FRAME_INVALID', { pcm: pcmOf(Number.NaN) }],
    ['a text token nobody has', 'FRAME_INVALID', { forcedText: 5 }],
    ['codes for a model without any', 'FRAME_INVALID', { forcedAudio: new Int32Array(8) }],
    ['a vector for a model without input', 'FRAME_INVALID', { addToInput: new Float32Array(4) }],
  ])('refuses %s with %s and goes on', async (_, code, wrong) => {
    await using _server = await givenServer(socketPath, new LoopbackEngine({ slotCount: 1 }));
    await using link = await connectWorker(socketPath);
    const slot = await link.openSlot({ seed: 1n });
    const fault = once(slot, 'fault');
    const { tickIndex, pcm, ...forcing } = { tickIndex: 0, pcm: pcmOf(0), ...wrong };
    slot.sendFrame(tickIndex, pcm, forcing);
    expect((await fault)[0]).toBe(code);
    expect(await runPacedCall(link, slot, speech(2))).toHaveLength(2);
  });
});
