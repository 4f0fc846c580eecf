import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Checkpoint } from '../checkpoint/checkpoint.ts';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { graphBundle } from '../graph/bundle.ts';
import { SMALL, SMALL_TRANSCRIBER } from '../untrained/dimensions.ts';
import { makeUntrainedCheckpoint } from '../untrained/make-checkpoint.ts';
import { speechLike } from '../untrained/speech-like.ts';
import { Conditions } from './conditions.ts';
import { GraphRunner } from './graph-runner.ts';
import { openSlotState } from './slot.ts';
import { Stepper } from './stepper.ts';

const STEP_COUNT = 30;
const BATCH_SIZES = [1, 2, 3, 5, 8];

const folder = mkdtempSync(join(tmpdir(), 'parley-rows-'));
let checkpoint: Checkpoint;
// Large enough that the runtime shares its products and functions among threads.
beforeAll(async () => {
  await makeUntrainedCheckpoint(join(folder, 'model'), { ...SMALL, transcriber: SMALL_TRANSCRIBER }, 1);
  checkpoint = new Checkpoint(join(folder, 'model'));
});
afterAll(() => {
  checkpoint.close();
  rmSync(folder, { recursive: true });
});

/**
 * Steps the same call in every row at once.
 * @returns the bits of everything that the graph computes for each row, its state included, by step and row.
 */
async function bitsOfRows(batchSize: number, threadCount: number): Promise<string[][]> {
  const { lm } = checkpoint.config;
  const bundle = graphBundle('duplex', checkpoint, 'rows', folder);
  const runner = await GraphRunner.load(bundle, { slotCount: batchSize, threadCount });
  const steps: string[][] = [];
  const run = runner.run.bind(runner);
  runner.run = async (...given) => {
    const result = await run(...given);
    const tensors = Object.values(result.outputs).map(({ data }) => data as Float32Array | Int32Array);
    steps.push(
      Array.from({ length: batchSize }, (_, row) =>
        tensors
          .map((data) => {
            const width = data.length / batchSize;
            return Buffer.from(data.slice(row * width, (row + 1) * width).buffer).toString('base64');
          })
          .join('|'),
      ),
    );
    return result;
  };
  const transcriber = checkpoint.transcriber!.lm;
  const stepper = new Stepper(runner, 'duplex', lm, batchSize, transcriber);
  const condition = new Conditions(lm, checkpoint.lm).vector();
  const slots = Array.from({ length: batchSize }, () => openSlotState(lm, 5n, undefined, condition, transcriber));
  const sound = speechLike(3, STEP_COUNT * FRAME_SAMPLES);
  for (let step = 0; step < STEP_COUNT; step++) {
    const input = { pcm: sound.subarray(step * FRAME_SAMPLES, (step + 1) * FRAME_SAMPLES) };
    await stepper.step(batchSize, new Map(slots.map((slot, row) => [row, { slot, input }])));
  }
  await runner.close();
  return steps;
}

describe('what the graph computes for a row', () => {
  let alone: string[];

  beforeAll(async () => {
    alone = (await bitsOfRows(1, 1)).map(([row]) => row!);
  });

  it.each([1, 2, 3].flatMap((threadCount) => BATCH_SIZES.map((batchSize) => ({ batchSize, threadCount }))))(
    'has the same bits in each of $batchSize rows on $threadCount threads',
    async ({ batchSize, threadCount }) => {
      const steps = await bitsOfRows(batchSize, threadCount);
      expect(steps).toHaveLength(STEP_COUNT);
      // Compared one by one, so that a failure names the step and does not print megabytes.
      for (const [step, rows] of steps.entries()) {
        const differing = rows.flatMap((bits, row) => (bits === alone[step] ? [] : [row]));
        expect(differing, `rows that differ in step ${step}`).toEqual([]);
      }
    },
  );
});
