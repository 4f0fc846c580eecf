import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LoopbackEngine } from '../loopback/loopback-engine.ts';
import { givenServer, HELLO, pcmOf, RawClient, RememberingEngine, speech } from '../testing/given-worker.ts';
import { connectWorker } from './link.ts';
import type { ClientMessage } from './messages.ts';
import { runPacedCall } from './paced-call.ts';
import { encodeMessage } from './protocol.ts';

let dir: string;
let socketPath: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-test-'));
  socketPath = join(dir, 'w.sock');
});
afterEach(() => rm(dir, { recursive: true }));

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
    await using _server = await givenServer(socketPath, new LoopbackEngine({ slotCount: 1 }));
    const client = new RawClient(socketPath);
    client.send(...before);
    client.socket.write(bytes);
    await client.closed;
    expect(client.answers.at(-1)).toMatchObject({ type: 'error', code, isFatal: true });
    const last = client.answers.at(-1);
    expect(last?.type === 'error' && last.fix.length > 10).toBe(true);
  });

  it('hangs up on a client that never says hello', async () => {
    await using _server = await givenServer(socketPath, new LoopbackEngine({ slotCount: 1 }));
    const client = new RawClient(socketPath);
    await client.closed;
    expect(client.answers).toMatchObject([{ type: 'error', code: 'PROTOCOL_INVALID' }]);
  });

  it('does not let one connection touch the slots of another', async () => {
    await using _server = await givenServer(socketPath, new LoopbackEngine({ slotCount: 2 }));
    await using link = await connectWorker(socketPath);
    const slot = await link.openSlot({ seed: 1n });
    const client = new RawClient(socketPath);
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
    await using _server = await givenServer(socketPath, new RememberingEngine({ slotCount: 4 }));
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
      const client = new RawClient(socketPath);
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
