import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeUntrainedCheckpoint, SMALL_DIMENSIONS, SMALL_TRANSCRIBER } from '../../inference/runtime.ts';
import type { EventOf } from '../../signaling/index.ts';
import type { ParleyNode } from '../node.ts';
import { Callers } from './callers.ts';
import { givenNode } from './given-node.ts';

const PIECES = 10;

describe('a call to a model with a transcriber', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-heard-'));
  const callers = new Callers();
  let node: ParleyNode;

  beforeAll(async () => {
    const modelDir = join(folder, 'model');
    await makeUntrainedCheckpoint(modelDir, { ...SMALL_DIMENSIONS, transcriber: SMALL_TRANSCRIBER }, 1);
    node = await givenNode({ engine: { name: 'moshi', slotCount: 1, modelDir } });
  });
  afterAll(async () => {
    callers.closeAll();
    await node.close('server-shutdown');
    rmSync(folder, { recursive: true, force: true });
  });

  it('is told what the caller is heard to say, apart from what the model says', async () => {
    const caller = await callers.call(node);
    const piecesOf = (name: 'text' | 'heard') =>
      caller.events.flatMap((event) => (event.name === name ? [event.payload as EventOf<'heard'>] : []));
    await expect.poll(() => piecesOf('heard').length, { timeout: 30_000 }).toBeGreaterThan(PIECES);
    const heard = piecesOf('heard');
    expect(heard.every(({ text }) => text !== '')).toBe(true);
    expect(heard.some(({ text }) => text.startsWith(' '))).toBe(true);
    const ticks = heard.map(({ tickIndex }) => tickIndex);
    expect(ticks).toEqual([...new Set(ticks)].sort((a, b) => a - b));
    expect(piecesOf('text').length).toBeGreaterThan(0);
    expect(piecesOf('text').map(({ text }) => text)).not.toEqual(heard.map(({ text }) => text));
  });
});
