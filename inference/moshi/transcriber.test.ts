import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { FRAME_SAMPLES, type SlotOutput } from '../engine/engine.ts';
import { Recordings } from '../golden/cases.ts';
import { Workbench } from '../golden/workbench.ts';
import { CheckpointCopy } from '../testing/checkpoint-copy.ts';
import { f32Tensor } from '../testing/raw-safetensors.ts';
import { bitsOf, scriptedInput, slotOptions } from '../testing/scripted-call.ts';
import { transcribedCopy } from '../testing/transcribed-copy.ts';
import { speechLike } from '../untrained/speech-like.ts';
import { MoshiEngine } from './moshi-engine.ts';
import { openSlotState, type SlotState } from './slot.ts';
import { Stepper } from './stepper.ts';

const GREEDY = { textTemperature: 0, audioTemperature: 0 };
/** Two of them are more than a float holds. */
const HUGE = 3e38;
const SILENCE = new Float32Array(FRAME_SAMPLES);
/** More than the transcriber's context of 20, and than every other. */
const STEP_COUNT = 60;

const transcribed = transcribedCopy();
const alone = new CheckpointCopy('transcriber');
afterAll(() => {
  transcribed[Symbol.dispose]();
  alone[Symbol.dispose]();
});

function condition(checkpoint: Checkpoint): Float32Array {
  return new Float32Array(checkpoint.config.lm.dim);
}

describe('the transcriber in the fused graph', () => {
  it('gives the tokens that the reference recorded, with rows that rest and rows that begin anew', async () => {
    using recorded = new Recordings(
      join(import.meta.dirname, '../golden/fixtures/transcriber/cases/lm-batch.safetensors'),
    );
    const [codes, text] = [recorded.integers('user_codes'), recorded.integers('text')];
    const [rowCount, codebookCount, stepCount] = codes.shape as [number, number, number];
    await using bench = new Workbench(transcribed.directory);
    const { checkpoint } = bench;
    const { lm } = checkpoint.config;
    const transcriber = checkpoint.transcriber!.lm;
    const runner = await bench.runner('duplex', rowCount);
    const stepper = new Stepper(runner, 'duplex', lm, rowCount, transcriber);
    const slots = Array.from({ length: rowCount }, () =>
      openSlotState(lm, 1n, GREEDY, condition(checkpoint), transcriber),
    );
    const { resets, runs } = recorded.schedule();
    const counts = { compared: 0, rested: 0, begunAnew: 0 };
    for (let step = 0; step < stepCount; step++) {
      const rows = new Map<number, { slot: SlotState; input: { pcm: Float32Array; userCodes: Int32Array } }>();
      for (const [row, slot] of slots.entries()) {
        if (resets(step, row)) {
          runner.state.reset(row);
          slot.timeline.reset();
          slot.transcriber!.reset();
          counts.begunAnew += 1;
        }
        const userCodes = Int32Array.from({ length: codebookCount }, (_, q) => codes.at(row, q, step));
        if (runs(step, row)) rows.set(row, { slot, input: { pcm: SILENCE, userCodes } });
        else counts.rested += 1;
      }
      for (const [row, { transcript }] of await stepper.step(rowCount, rows)) {
        expect(transcript, `row ${row}, step ${step}`).toBe(text.at(row, step));
        counts.compared += 1;
      }
    }
    expect(counts.compared).toBeGreaterThan(100);
    expect(counts.rested).toBeGreaterThan(0);
    expect(counts.begunAnew).toBeGreaterThan(0);
  });

  it('gives the tokens that the transcriber alone gives for the codes that the encoder finds in sound', async () => {
    await using fused = new Workbench(transcribed.directory);
    await using single = new Workbench(alone.directory);
    const [answering, listening] = [fused.checkpoint.config.lm, single.checkpoint.config.lm];
    const transcriber = fused.checkpoint.transcriber!.lm;
    const stepper = new Stepper(await fused.runner('duplex', 1), 'duplex', answering, 1, transcriber);
    const slot = openSlotState(answering, 1n, GREEDY, condition(fused.checkpoint), transcriber);
    const reference = new Stepper(await single.runner('lm', 1), 'lm', listening, 1);
    const referenceSlot = openSlotState(listening, 1n, GREEDY, condition(single.checkpoint));
    const found: number[] = [];
    const expected: number[] = [];
    const sound = speechLike(3, STEP_COUNT * FRAME_SAMPLES);
    for (let step = 0; step < STEP_COUNT; step++) {
      const pcm = sound.subarray(step * FRAME_SAMPLES, (step + 1) * FRAME_SAMPLES);
      const { transcript, userCodes } = (await stepper.step(1, new Map([[0, { slot, input: { pcm } }]]))).get(0)!;
      const rows = new Map([[0, { slot: referenceSlot, input: { userCodes } }]]);
      found.push(transcript!);
      expected.push((await reference.step(1, rows)).get(0)!.text);
    }
    expect(found).toEqual(expected);
    expect(new Set(found).size).toBeGreaterThan(10);
  });
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function given(copy: CheckpointCopy): Promise<MoshiEngine> {
  const engine = await MoshiEngine.load({
    modelDirectory: copy.directory,
    cacheDirectory: copy.path('graphs'),
    slotCount: 2,
    threadCount: 1,
  });
  cleanups.push(() => engine.close());
  engine.openSlot(0, slotOptions({ number: 1, isForced: true }));
  return engine;
}

async function outputsOf(engine: MoshiEngine, stepCount: number): Promise<SlotOutput[]> {
  const outputs: SlotOutput[] = [];
  for (let step = 0; step < stepCount; step++) {
    outputs.push(...(await engine.step([scriptedInput({ number: 1, isForced: true }, step, 0, engine)])));
  }
  return outputs;
}

describe('an engine whose model has a transcriber', () => {
  it('says the same, bit for bit, as without it, and what it hears beside', async () => {
    using copy = transcribedCopy();
    const listening = await given(copy);
    const heard = await outputsOf(listening, STEP_COUNT);
    rmSync(copy.path('transcriber'), { recursive: true });
    const deaf = await given(copy);
    const said = await outputsOf(deaf, STEP_COUNT);
    expect([listening.info.hasTranscript, deaf.info.hasTranscript]).toEqual([true, false]);
    expect(said.every((output) => !('transcript' in output))).toBe(true);
    expect(heard.map(({ transcript: _, ...output }) => bitsOf(output))).toEqual(said.map(bitsOf));
    expect(heard.filter(({ transcript }) => transcript !== '').length).toBeGreaterThan(STEP_COUNT / 10);
    expect(heard.filter(({ transcript }) => transcript!.startsWith(' ')).length).toBeGreaterThan(0);
    expect(listening.info.checkpointHash).not.toBe(deaf.info.checkpointHash);
    expect(listening.stateBytesPerSlot).toBeGreaterThan(deaf.stateBytesPerSlot);
  });

  it('ends a call whose transcriber has numbers that are not finite', async () => {
    using copy = transcribedCopy().editTensors('transcriber/model.safetensors', (tensors) => {
      for (const key of ['emb.0.weight', 'emb.1.weight']) {
        const { shape } = tensors.get(key)!;
        const table = new Float32Array(shape[0]! * shape[1]!).fill(HUGE);
        // The last row is the initial token's, all that the first step reads.
        tensors.set(key, f32Tensor(shape, table.fill(0, -shape[1]!)));
      }
    });
    const outputs = await outputsOf(await given(copy), 2);
    expect(outputs.map(({ fault }) => fault)).toEqual([undefined, 'not-finite']);
    expect(outputs[1]).toMatchObject({ text: '', transcript: '' });
  });
});
