import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Engine, FRAME_SAMPLES, type SlotInput, type SlotOptions, type SlotOutput } from '../engine/engine.ts';
import { LoopbackEngine } from '../loopback/loopback-engine.ts';
import { connectWorker, type WorkerLink } from './link.ts';
import type { ClientMessage, WorkerMessage } from './messages.ts';
import { runPacedCall } from './paced-call.ts';
import { encodeMessage, MessageDecoder } from './protocol.ts';
import { WorkerServer } from './worker-server.ts';

/** Remembers all it has heard, as a model does: one lost, doubled or foreign frame changes every later output. */
class RememberingEngine extends LoopbackEngine {
  readonly #memory = new Map<number, number>();
  readonly stepsMs: number[] = [];
  breakAt: { slot: number; value: number } | undefined;

  override openSlot(slot: number, options: SlotOptions): void {
    super.openSlot(slot, options);
    this.#memory.set(slot, Number(options.seed));
  }

  override async step(inputs: readonly SlotInput[]): Promise<readonly SlotOutput[]> {
    const outputs = await super.step(inputs);
    const blockMs = this.stepsMs.shift() ?? 0;
    if (blockMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
    return outputs.map((output) => {
      const memory = (this.#memory.get(output.slot)! * 31 + output.pcm[0]! * 1024) % 65_521;
      this.#memory.set(output.slot, memory);
      const isBroken = this.breakAt?.slot === output.slot && this.breakAt.value === output.pcm[0];
      return {
        ...output,
        pcm: output.pcm.map((v) => v + memory),
        ...(isBroken ? { fault: 'not-finite' as const } : {}),
      };
    });
  }
}

let dir: string;
let socketPath: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-test-'));
  socketPath = join(dir, 'w.sock');
});
afterEach(() => rm(dir, { recursive: true }));

async function givenServer(engine: Engine, periodMs = 80): Promise<WorkerServer> {
  const server = new WorkerServer({ engine, periodMs });
  await server.listen(socketPath);
  return server;
}

const pcmOf = (value: number) => new Float32Array(FRAME_SAMPLES).fill(value);
const speech = (count: number, of = 0) => Array.from({ length: count }, (_, i) => ({ pcm: pcmOf(of + i / 64) }));

/** Speaks the protocol by hand, right or wrong. */
class RawClient {
  readonly socket: Socket;
  readonly received: WorkerMessage[] = [];
  readonly closed: Promise<unknown>;

  constructor() {
    this.socket = createConnection(socketPath);
    this.closed = once(this.socket, 'close');
    this.socket.on('error', () => undefined);
    const decoder = new MessageDecoder<WorkerMessage>('worker');
    this.socket.on('data', (chunk) => this.received.push(...decoder.push(chunk)));
  }

  send(...messages: ClientMessage[]): void {
    for (const message of messages) this.socket.write(encodeMessage(message));
  }

  /** What came, tick reports left out. */
  get answers(): WorkerMessage[] {
    return this.received.filter(({ type }) => type !== 'tick');
  }
}

const HELLO: ClientMessage = { type: 'hello', versionMin: 1, versionMax: 1 };

async function lastReport(link: WorkerLink) {
  const [report] = await once(link, 'tick');
  return report;
}

describe('a worker', () => {
  it('returns every frame from the step of its own tick, to the slot and connection it came from', async () => {
    await using server = await givenServer(new LoopbackEngine({ slotCount: 3 }));
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
    await using _ = await givenServer(new LoopbackEngine({ slotCount: 1 }));
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
    await using _ = await givenServer(engine);
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
    await using _ = await givenServer(new LoopbackEngine({ slotCount: 1 }), 10);
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
    await using _ = await givenServer(engine);
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
    await using _ = await givenServer(new LoopbackEngine({ slotCount: 2 }));
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
    await using _ = await givenServer(new LoopbackEngine({ slotCount: 1 }));
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
    await using _server = await givenServer(new LoopbackEngine({ slotCount: 1 }));
    await using link = await connectWorker(socketPath);
    const slot = await link.openSlot({ seed: 1n });
    const fault = once(slot, 'fault');
    const { tickIndex, pcm, ...forcing } = { tickIndex: 0, pcm: pcmOf(0), ...wrong };
    slot.sendFrame(tickIndex, pcm, forcing);
    expect((await fault)[0]).toBe(code);
    expect(await runPacedCall(link, slot, speech(2))).toHaveLength(2);
  });
});

describe('a worker whose client misbehaves', () => {
  it.each([
    ['bytes of no message', [], Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'PROTOCOL_INVALID'],
    ['a length beyond all limits', [HELLO], Buffer.from([255, 255, 255, 255, 4]), 'PROTOCOL_INVALID'],
    ['a frame before hello', [], encodeMessage({ type: 'ping', id: 1 }), 'PROTOCOL_INVALID'],
    ['a second hello', [HELLO], encodeMessage(HELLO), 'PROTOCOL_INVALID'],
    [
      'a version nobody speaks',
      [],
      encodeMessage({ ...HELLO, versionMin: 7, versionMax: 9 } as ClientMessage),
      'VERSION_UNSUPPORTED',
    ],
    [
      'more messages than a tick needs',
      [HELLO],
      Buffer.concat(Array(1100).fill(encodeMessage({ type: 'ping', id: 1 }))),
      'PROTOCOL_INVALID',
    ],
  ])('answers %s with a typed error and hangs up', async (_, before, bytes, code) => {
    await using _server = await givenServer(new LoopbackEngine({ slotCount: 1 }));
    const client = new RawClient();
    client.send(...before);
    client.socket.write(bytes);
    await client.closed;
    expect(client.answers.at(-1)).toMatchObject({ type: 'error', code, isFatal: true });
    const last = client.answers.at(-1);
    expect(last?.type === 'error' && last.fix.length > 10).toBe(true);
  });

  it('hangs up on a client that never says hello', async () => {
    await using _server = await givenServer(new LoopbackEngine({ slotCount: 1 }));
    const client = new RawClient();
    await client.closed;
    expect(client.answers).toMatchObject([{ type: 'error', code: 'PROTOCOL_INVALID' }]);
  });

  it('does not let one connection touch the slots of another', async () => {
    await using _server = await givenServer(new LoopbackEngine({ slotCount: 2 }));
    await using link = await connectWorker(socketPath);
    const slot = await link.openSlot({ seed: 1n });
    const client = new RawClient();
    client.send(
      HELLO,
      { type: 'closeSlot', slot: slot.slot },
      { type: 'frame', slot: slot.slot, tickIndex: 3, pcm: pcmOf(9) },
    );
    const replies = await runPacedCall(link, slot, speech(4));
    expect(replies.map(({ pcm }) => pcm[0])).toEqual([0, 1 / 64, 2 / 64, 3 / 64]);
    expect(client.answers.slice(1)).toMatchObject([
      { code: 'SLOT_CLOSED', isFatal: false },
      { code: 'SLOT_CLOSED', isFatal: false },
    ]);
    client.socket.destroy();
  });

  it('gives the neighbours the bits of a clean run', async () => {
    await using _server = await givenServer(new RememberingEngine({ slotCount: 4 }));
    await using link = await connectWorker(socketPath);
    const attempt = async () => {
      const slot = await link.openSlot({ seed: 7n });
      const replies = await runPacedCall(link, slot, speech(12, 1));
      await slot.close();
      return replies;
    };
    // A tick that this busy process slept through says nothing about the neighbours: the call is made again.
    const run = async () => {
      let replies = await attempt();
      for (let i = 0; i < 5 && (replies.length < 12 || replies.some(({ isDeficit }) => isDeficit)); i++) {
        replies = await attempt();
      }
      return replies.map(({ pcm }) => Buffer.from(pcm.buffer).toString('base64'));
    };
    const clean = await run();
    let isOver = false;
    const disturbed = run().finally(() => {
      isOver = true;
    });
    for (let i = 0; i < 40 || !isOver; i++) {
      const client = new RawClient();
      client.send(HELLO, { type: 'openSlot', requestId: 1, options: { seed: BigInt(i) } });
      client.send({ type: 'frame', slot: i % 5, tickIndex: i, pcm: pcmOf(Number.NaN) });
      client.socket.write(Buffer.from(encodeMessage(HELLO)).fill(i, i % 5));
      await sleep(20);
      client.socket.destroy();
    }
    expect(await disturbed).toEqual(clean);
    expect(new Set(clean).size).toBe(12);
  });
});
