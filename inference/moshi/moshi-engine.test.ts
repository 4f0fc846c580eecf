import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../testing/checkpoint-copy.ts';
import { bitsOf, type CallScript, playAlone, scriptedInput, slotOptions } from '../testing/scripted-call.ts';
import { transcribedCopy } from '../testing/transcribed-copy.ts';
import { MoshiEngine } from './moshi-engine.ts';
import { uniform } from './random.ts';

/** More than the largest context of the fixture: 30 positions, and Mimi's 16 of two a frame. */
const STEP_COUNT = 70;
const SLOT_COUNT = 4;

const CHECKPOINTS = [
  { title: 'alone', checkpoint: new CheckpointCopy() },
  { title: 'with a transcriber beside it', checkpoint: transcribedCopy() },
];
const engines: MoshiEngine[] = [];

async function load(checkpoint: CheckpointCopy, threadCount: number): Promise<MoshiEngine> {
  const cacheDirectory = checkpoint.path('graphs');
  const options = { modelDirectory: checkpoint.directory, cacheDirectory, slotCount: SLOT_COUNT, threadCount };
  const engine = await MoshiEngine.load(options);
  engines.push(engine);
  return engine;
}

afterAll(async () => {
  for (const engine of engines) await engine.close();
  for (const { checkpoint } of CHECKPOINTS) checkpoint[Symbol.dispose]();
});

const CALL: CallScript = { number: 1, isForced: true };
const ALONE = { slot: 0, stepCount: STEP_COUNT, batchSize: SLOT_COUNT };

describe.each(CHECKPOINTS)('the bits of a call at one batch size, the model $title,', ({ checkpoint }) => {
  const freshEngine = (threadCount = 1) => load(checkpoint, threadCount);
  let alone: string[];

  beforeAll(async () => {
    alone = await playAlone(await freshEngine(), CALL, ALONE);
  });

  it('are those of its content: sound, seed and forcing each change them', async () => {
    const engine = await freshEngine();
    const free = await playAlone(engine, { ...CALL, isForced: false }, ALONE);
    const other = await playAlone(engine, { number: 2, isForced: true }, ALONE);
    expect(new Set(alone.slice(STEP_COUNT / 2)).size).toBe(STEP_COUNT / 2);
    expect(free).not.toEqual(alone);
    expect(other).not.toEqual(alone);
  });

  it.each([
    { title: 'open but idle', runs: () => false, isForced: false },
    { title: 'busy', runs: () => true, isForced: false },
    { title: 'forced', runs: () => true, isForced: true },
    { title: 'in and out', runs: (step: number, slot: number) => (step + slot) % 3 === 0, isForced: true },
  ])('do not depend on neighbours that are $title', async ({ runs, isForced }) => {
    const engine = await freshEngine();
    const found: string[] = [];
    engine.openSlot(0, slotOptions(CALL));
    for (let slot = 1; slot < SLOT_COUNT; slot++) engine.openSlot(slot, slotOptions({ number: 10 + slot, isForced }));
    for (let step = 0; step < STEP_COUNT; step++) {
      const inputs = [0, 1, 2, 3]
        .filter((slot) => slot === 0 || runs(step, slot))
        .map((slot) => scriptedInput(slot === 0 ? CALL : { number: 10 + slot, isForced }, step, slot, engine));
      found.push(bitsOf((await engine.step(inputs, SLOT_COUNT))[0]!));
    }
    expect(found).toEqual(alone);
  });

  it.each([1, 2, 3])('are the same in slot %i', async (slot) => {
    expect(await playAlone(await freshEngine(), CALL, { ...ALONE, slot })).toEqual(alone);
  });

  it.each([0, 2])('are the same after slot %i had other callers, for longer than any ring', async (slot) => {
    const engine = await freshEngine();
    await playAlone(engine, { number: 5, isForced: true }, { ...ALONE, slot });
    await playAlone(engine, { number: 6, isForced: false }, { ...ALONE, slot, stepCount: 3 });
    expect(await playAlone(engine, CALL, { ...ALONE, slot })).toEqual(alone);
  });

  it('do not depend on pauses: a slot that does not run keeps its state', async () => {
    const engine = await freshEngine();
    engine.openSlot(0, slotOptions(CALL));
    engine.openSlot(1, slotOptions({ number: 7, isForced: true }));
    const found: string[] = [];
    for (let step = 0, pauses = 0; step < STEP_COUNT; ) {
      const neighbour = scriptedInput({ number: 7, isForced: true }, step + pauses, 1, engine);
      if (uniform(9n, step + pauses, 0) < 0.4) {
        pauses++;
        await engine.step([neighbour], SLOT_COUNT);
      } else {
        const outputs = await engine.step([neighbour, scriptedInput(CALL, step++, 0, engine)], SLOT_COUNT);
        found.push(bitsOf(outputs[1]!));
      }
    }
    expect(found).toEqual(alone);
  });

  it.each([1, 2])(
    'are those of a replay alone, for every call of a seeded churn on %i threads',
    async (threadCount) => {
      const engine = await freshEngine(threadCount);
      const calls = await churn(engine, 300);
      expect(calls.length).toBeGreaterThan(20);
      expect(Math.max(...calls.map(({ bits }) => bits.length))).toBeGreaterThan(40);
      const replaying = await freshEngine(threadCount);
      for (const { script, bits } of calls) {
        const replay = await playAlone(replaying, script, { slot: 0, stepCount: bits.length, batchSize: SLOT_COUNT });
        expect(replay, `call ${script.number}`).toEqual(bits);
      }
    },
  );
});

interface PlayedCall {
  readonly script: CallScript;
  readonly bits: string[];
}

/** Opens, steps, pauses and closes calls in all slots by chance. */
async function churn(engine: MoshiEngine, stepCount: number): Promise<PlayedCall[]> {
  const open = new Map<number, PlayedCall>();
  const all: PlayedCall[] = [];
  for (let step = 0; step < stepCount; step++) {
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const chance = uniform(77n, step, slot);
      const call = open.get(slot);
      if (call && chance < 0.03) {
        engine.closeSlot(slot);
        open.delete(slot);
      } else if (!call && chance < 0.3) {
        const script = { number: 100 + all.length, isForced: chance < 0.15 };
        engine.openSlot(slot, slotOptions(script));
        open.set(slot, { script, bits: [] });
        all.push(open.get(slot)!);
      }
    }
    const running = [...open].filter(([slot]) => uniform(78n, step, slot) < 0.9);
    const inputs = running.map(([slot, { script, bits }]) => scriptedInput(script, bits.length, slot, engine));
    const outputs = await engine.step(inputs, SLOT_COUNT);
    running.forEach(([, { bits }], i) => {
      bits.push(bitsOf(outputs[i]!));
    });
  }
  return all;
}
