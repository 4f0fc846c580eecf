import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { Dice } from '../fuzz/dice.ts';
import { CLEAN, type Disturbance, UdpRelay } from './udp-relay.ts';

const COUNT = 1000;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** An RTP packet that carries its number and when it left. */
function packet(sequence: number): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt8(0x80, 0);
  bytes.writeUInt8(111, 1);
  bytes.writeUInt16BE(sequence, 2);
  bytes.writeDoubleBE(performance.now(), 12);
  return bytes;
}

/** Sends `COUNT` packets to an echo behind a relay. @returns what came back, in order. */
async function echoThrough(up: Disturbance, down: Disturbance) {
  const dice = new Dice(1, 'relay', 0);
  const relay = await UdpRelay.open({ ip: '127.0.0.2', serverIp: '127.0.0.1', random: () => dice.next() });
  const echo = await bound(relay.port);
  echo.on('message', (bytes, { address, port }) => echo.send(bytes, port, address));
  const caller = await bound(0);
  const back: { sequence: number; tookMs: number }[] = [];
  caller.on('message', (bytes) => {
    back.push({ sequence: bytes.readUInt16BE(2), tookMs: performance.now() - bytes.readDoubleBE(12) });
  });
  closers.push(() => relay[Symbol.asyncDispose]());
  relay.disturb(up, down);
  for (let sequence = 0; sequence < COUNT; sequence++) {
    caller.send(packet(sequence), relay.port, '127.0.0.2');
    if (sequence % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  return { back, counters: relay.readCounters() };
}

async function bound(port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  closers.push(() => socket.close());
  return socket;
}

describe('a relay', () => {
  it('passes everything in order both ways while it is told nothing', async () => {
    const { back, counters } = await echoThrough(CLEAN, CLEAN);
    expect(back.map(({ sequence }) => sequence)).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    const all = { receivedCount: COUNT, sentCount: COUNT, lostCount: 0, duplicatedCount: 0, reorderedCount: 0 };
    expect(counters).toEqual({ up: all, down: all });
  });

  it('loses, doubles, delays and reorders as it is told, and counts what it did', async () => {
    const up = { lossShare: 0.05, duplicateShare: 0.02, delayMs: 30, jitterMs: 40 };
    const { back, counters } = await echoThrough(up, CLEAN);
    expect(counters.up.lostCount / COUNT).toBeCloseTo(0.05, 1);
    expect(counters.up.duplicatedCount / COUNT).toBeCloseTo(0.02, 1);
    expect(back).toHaveLength(COUNT - counters.up.lostCount + counters.up.duplicatedCount);
    expect(counters.up.sentCount).toBe(back.length);
    expect(counters.up.reorderedCount).toBeGreaterThan(100);
    expect(Math.min(...back.map(({ tookMs }) => tookMs))).toBeGreaterThanOrEqual(29);
  });
});
