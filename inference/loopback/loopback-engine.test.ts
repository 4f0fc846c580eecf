import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { LoopbackEngine } from './loopback-engine.ts';

const frameOf = (value: number) => new Float32Array(FRAME_SAMPLES).fill(value);

describe('the loopback engine', () => {
  it('returns each slot its own frame from the same step', async () => {
    const engine = new LoopbackEngine({ slotCount: 3 });
    engine.openSlot(0, { seed: 1n });
    engine.openSlot(2, { seed: 1n });
    const outputs = await engine.step([
      { slot: 2, pcm: frameOf(0.25) },
      { slot: 0, pcm: frameOf(-0.5) },
    ]);
    expect(outputs.map(({ slot, pcm }) => [slot, pcm[0], pcm[FRAME_SAMPLES - 1]])).toEqual([
      [2, 0.25, 0.25],
      [0, -0.5, -0.5],
    ]);
  });

  it('gives away arrays that the next step does not touch', async () => {
    const engine = new LoopbackEngine({ slotCount: 1 });
    engine.openSlot(0, { seed: 1n });
    const pcm = frameOf(0.5);
    const [first] = await engine.step([{ slot: 0, pcm }]);
    pcm.fill(0);
    await engine.step([{ slot: 0, pcm }]);
    expect(first!.pcm[7]).toBe(0.5);
  });

  it('takes the simulated time, to a fraction of a millisecond', async () => {
    const engine = new LoopbackEngine({ slotCount: 1, simulatedStepMs: 7 });
    engine.openSlot(0, { seed: 1n });
    const stepsMs: number[] = [];
    for (let i = 0; i < 9; i++) {
      await engine.step([]);
      stepsMs.push(engine.lastReport.stepMs);
    }
    stepsMs.sort((a, b) => a - b);
    expect(stepsMs[0]).toBeGreaterThanOrEqual(7);
    expect(stepsMs[4]).toBeLessThan(8);
  });

  it.each([
    ['SLOT_UNKNOWN', (engine: LoopbackEngine) => engine.openSlot(2, { seed: 0n })],
    ['SLOT_UNKNOWN', (engine: LoopbackEngine) => engine.closeSlot(-1)],
    ['SLOT_BUSY', (engine: LoopbackEngine) => engine.openSlot(0, { seed: 0n })],
    ['SAMPLING_INVALID', (engine: LoopbackEngine) => engine.openSlot(1, { seed: 0n, sampling: { textTopK: 0 } })],
    [
      'SAMPLING_INVALID',
      (engine: LoopbackEngine) => engine.openSlot(1, { seed: 0n, sampling: { audioTemperature: Number.NaN } }),
    ],
    ['ATTRIBUTE_UNKNOWN', (engine: LoopbackEngine) => engine.openSlot(1, { seed: 0n, attributes: { mood: 'calm' } })],
    ['SLOT_CLOSED', (engine: LoopbackEngine) => engine.step([{ slot: 1, pcm: frameOf(0) }])],
    ['FRAME_INVALID', (engine: LoopbackEngine) => engine.step([{ slot: 0, pcm: new Float32Array(3) }])],
    ['FRAME_INVALID', (engine: LoopbackEngine) => engine.step([{ slot: 0, pcm: frameOf(0), forcedText: 3 }])],
    ['FRAME_INVALID', (engine: LoopbackEngine) => engine.step([{ slot: 0, pcm: frameOf(Number.NaN) }])],
  ])('refuses misuse with %s', async (code, misuse) => {
    const engine = new LoopbackEngine({ slotCount: 2 });
    engine.openSlot(0, { seed: 0n });
    await expect((async () => misuse(engine))()).rejects.toMatchObject({ code });
  });
});
