import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { LoopbackEngine } from '../loopback/loopback-engine.ts';
import { BODIES } from './message-bodies.ts';
import type { ClientMessage, Message, WorkerMessage } from './messages.ts';
import { encodeMessage, MessageDecoder } from './protocol.ts';

const pcm = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => Math.sin(i / 9));

const CLIENT_MESSAGES: ClientMessage[] = [
  { type: 'hello', versionMin: 1, versionMax: 3 },
  { type: 'openSlot', requestId: 1, options: { seed: 2n ** 64n - 1n } },
  {
    type: 'openSlot',
    requestId: 9,
    options: {
      seed: 5n,
      sampling: { textTemperature: 0, audioTopK: 250 },
      attributes: { description: 'very_good', näme: '' },
    },
  },
  { type: 'closeSlot', slot: 65_534 },
  { type: 'frame', slot: 3, tickIndex: 4_294_967_295, pcm },
  {
    type: 'frame',
    slot: 0,
    tickIndex: 0,
    forcedText: -1,
    forcedAudio: Int32Array.of(-1, 2047),
    addToInput: Float32Array.of(0.5, -0),
    pcm,
  },
  { type: 'ping', id: 7 },
];

const WORKER_MESSAGES: WorkerMessage[] = [
  {
    type: 'ready',
    version: 2,
    nowMs: 12.5,
    tickZeroMs: -3,
    periodMs: 80,
    graceMs: 3,
    info: new LoopbackEngine({ slotCount: 8 }).info,
  },
  {
    type: 'ready',
    version: 2,
    nowMs: 12.5,
    tickZeroMs: -3,
    periodMs: 80,
    graceMs: 3,
    info: { ...new LoopbackEngine({ slotCount: 8 }).info, hasTranscript: true, isUntrained: true },
  },
  { type: 'opened', requestId: 9, slot: 4 },
  { type: 'closed', slot: 4, reason: 'not-finite' },
  {
    type: 'reply',
    slot: 1,
    tickIndex: 77,
    isDeficit: true,
    frameReceivedMs: Number.NaN,
    stepBeganMs: 1.25,
    stepEndedMs: 2.5,
    stepMs: 1.25,
    textToken: -1,
    text: ' héllo',
    pcm,
  },
  {
    type: 'reply',
    slot: 2,
    tickIndex: 78,
    isDeficit: false,
    frameReceivedMs: 1,
    stepBeganMs: 1.25,
    stepEndedMs: 2.5,
    stepMs: 1.25,
    textToken: 3,
    text: '',
    transcript: ' wörds',
    pcm,
  },
  {
    type: 'tick',
    tickIndex: 5,
    stepMs: 0.1,
    beganLateMs: 0.2,
    steppedSlotCount: 1,
    openSlotCount: 2,
    batchSize: 3,
    lateTickCount: 4,
    skippedTickCount: 5,
    frameDeficitCount: 6,
    lateFrameCount: 7,
  },
  { type: 'pong', id: 7, nowMs: 1e9 },
  { type: 'error', code: 'SLOT_CLOSED', detail: 'slot 3', fix: 'Open it.', isFatal: false, requestId: 0, slot: -1 },
];

function decodeAll(from: 'client' | 'worker', chunks: Iterable<Uint8Array>): Message[] {
  const decoder = new MessageDecoder(from);
  return [...chunks].flatMap((chunk) => [...decoder.push(chunk)]);
}

function inChunks(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let offset = 0, i = 0; offset < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
}

const header = (length: number, code: number) => {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt8(code, 4);
  return bytes;
};

describe("the worker's protocol", () => {
  it('brings every message through whole, however the stream is cut', () => {
    for (const [from, messages] of [
      ['client', CLIENT_MESSAGES],
      ['worker', WORKER_MESSAGES],
    ] as const) {
      const bytes = Buffer.concat(messages.map(encodeMessage));
      expect(decodeAll(from, [bytes])).toEqual(messages);
      expect(decodeAll(from, inChunks(bytes, [1]))).toEqual(messages);
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
          expect(decodeAll(from, inChunks(bytes, sizes))).toEqual(messages);
        }),
        { numRuns: 30, seed: 1 },
      );
    }
  });

  it('takes any forcing and any seed', () => {
    const frame = fc.record(
      {
        forcedText: fc.integer({ min: -1, max: 32_000 }),
        forcedAudio: fc.int32Array({ maxLength: 64 }),
        addToInput: fc.float32Array({ maxLength: 300 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(frame, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (forcing, seed) => {
        const messages: ClientMessage[] = [
          { type: 'frame', slot: 1, tickIndex: 2, ...forcing, pcm },
          { type: 'openSlot', requestId: 1, options: { seed } },
        ];
        expect(decodeAll('client', messages.map(encodeMessage))).toEqual(messages);
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  it('ends mutated streams with PROTOCOL_INVALID or with messages, nothing else', () => {
    const clean = Buffer.concat(CLIENT_MESSAGES.map(encodeMessage));
    let refusedCount = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(clean.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(300),
        (edits, headBytes) => {
          const bytes = Buffer.from(clean);
          // Half of the edits go where the structure is, not into 7,680 bytes of PCM.
          for (const [i, [at, value]] of edits.entries()) {
            bytes.writeUInt8(value, i % 2 ? at : at % (headBytes + 1));
          }
          try {
            decodeAll('client', [bytes]);
          } catch (error) {
            expect(error).toMatchObject({ name: 'InferenceError', code: 'PROTOCOL_INVALID' });
            refusedCount++;
          }
        },
      ),
      { numRuns: 2000, seed: 3 },
    );
    expect(refusedCount).toBeGreaterThan(500);
  });

  it('is written down as it is: PROTOCOL.md has every type with its number and its limit', async () => {
    const page = await readFile(new URL('PROTOCOL.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| (0x[0-9a-f]{2}) \| (\w+) .*\| (\d+) +\|$/gm)];
    expect(rows.map(([, code, name, limit]) => [Number(code), name, Number(limit)])).toEqual(
      Object.values(BODIES).map(({ code, type, bytesMax }) => [code, type, bytesMax]),
    );
  });

  it.each([
    ['an unknown type', header(1, 0x7f)],
    ["the other side's type", header(1, 0x86)],
    ['a length of nothing', header(0, 0x05)],
    ['a length beyond the limit', header(0xffff_ffff, 0x04)],
    ['a body cut short', Buffer.concat([header(4, 0x05), Buffer.alloc(3)])],
    ['a body with something behind', Buffer.concat([header(4, 0x03), Buffer.alloc(3)])],
    ['a wrong magic', Buffer.concat([header(9, 0x01), Buffer.from('PRLX\x01\0\x01\0')])],
    ['a flag nobody knows', Buffer.concat([header(8, 0x04), Buffer.from([0, 0, 0, 0, 0, 0, 0x80])])],
    ['text that is not UTF-8', openSlotWithAttribute(Buffer.from([0xff]))],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeAll('client', [bytes])).toThrow(expect.objectContaining({ code: 'PROTOCOL_INVALID' }));
  });

  it('refuses a length beyond the limit before its body comes', () => {
    const decoder = new MessageDecoder<ClientMessage>('client');
    const before = process.memoryUsage().arrayBuffers;
    expect(() => [...decoder.push(header(0x4000_0000, 0x04))]).toThrow(/at most 81920/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });
});

function openSlotWithAttribute(name: Buffer): Buffer {
  const body = Buffer.concat([
    Buffer.alloc(4),
    Buffer.alloc(8),
    Buffer.from([0, 1, name.length, 0]),
    name,
    Buffer.alloc(2),
  ]);
  return Buffer.concat([header(body.length + 1, 0x02), body]);
}
