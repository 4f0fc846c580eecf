import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Checkpoint } from '../checkpoint/checkpoint.ts';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { graphBundle } from '../graph/bundle.ts';
import { Conditions } from '../moshi/conditions.ts';
import { GraphRunner } from '../moshi/graph-runner.ts';
import { openSlotState } from '../moshi/slot.ts';
import { type RowOutput, Stepper } from '../moshi/stepper.ts';
import { SMALL } from './dimensions.ts';
import { makeUntrainedCheckpoint } from './make-checkpoint.ts';
import { speechLike } from './speech-like.ts';

const STEP_COUNT = 500;

describe('the untrained checkpoint', () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-untrained-test-'));
  const directory = join(folder, 'model');
  const outputs: RowOutput[] = [];

  beforeAll(async () => {
    await makeUntrainedCheckpoint(directory, SMALL, 1);
    const checkpoint = new Checkpoint(directory);
    const { lm } = checkpoint.config;
    const runner = await GraphRunner.load(graphBundle('duplex', checkpoint, 'test', folder), { slotCount: 1 });
    const stepper = new Stepper(runner, 'duplex', lm, 1);
    const slot = openSlotState(lm, 7n, undefined, new Conditions(lm, checkpoint.lm).vector());
    const sound = speechLike(99, STEP_COUNT * FRAME_SAMPLES);
    for (let step = 0; step < STEP_COUNT; step++) {
      const pcm = sound.subarray(step * FRAME_SAMPLES, (step + 1) * FRAME_SAMPLES);
      outputs.push((await stepper.step(1, new Map([[0, { slot, input: { pcm } }]]))).get(0)!);
    }
    await runner.close();
    checkpoint.close();
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('uses at least half of every codebook, hearing and speaking', () => {
    const spoken = outputs.flatMap(({ emitted }) => (emitted ? [emitted.subarray(1)] : []));
    for (const codes of [outputs.map(({ userCodes }) => userCodes), spoken]) {
      for (let q = 0; q < codes[0]!.length; q++) {
        expect(new Set(codes.map((frame) => frame[q])).size).toBeGreaterThanOrEqual(SMALL.lm.card / 2);
      }
    }
  });

  it('sounds at a fair level', () => {
    const pcm = outputs.flatMap((output) => (output.pcm ? [...output.pcm] : []));
    const levelDbfs = 10 * Math.log10(pcm.reduce((sum, sample) => sum + sample * sample, 0) / pcm.length);
    expect(levelDbfs).toBeGreaterThan(-30);
    expect(levelDbfs).toBeLessThan(-12);
  });

  it('writes text that is not all padding', () => {
    const shownCount = outputs.filter(({ text }) => text > 3).length;
    expect(shownCount).toBeGreaterThan(STEP_COUNT / 10);
  });

  it('is the same for the same seed, and another for another', async () => {
    const files = ['model.safetensors', 'mimi.safetensors', 'tokenizer.model', 'config.json'];
    const read = (name: string) => files.map((file) => readFileSync(join(folder, name, file)));
    await makeUntrainedCheckpoint(join(folder, 'again'), SMALL, 1);
    await makeUntrainedCheckpoint(join(folder, 'other'), SMALL, 2);
    expect(read('again').every((bytes, i) => bytes.equals(read('model')[i]!))).toBe(true);
    expect(read('other')[0]!.equals(read('model')[0]!)).toBe(false);
  });
});
