import { createRequire } from 'node:module';
import { afterEach, describe, expect, it } from 'vitest';
import { scriptedInput, slotOptions } from '../testing/scripted-call.ts';
import { transcribedCopy } from '../testing/transcribed-copy.ts';
import { MoshiEngine } from './moshi-engine.ts';
import { uniform } from './random.ts';

const SLOT_COUNT = 4;

type NativeSession = new () => { run(...given: unknown[]): unknown; loadModel(...given: unknown[]): void };
/** The native class behind onnxruntime-node's sessions: what is counted here is what reaches the runtime itself. */
const { binding } = createRequire(import.meta.url)('onnxruntime-node/dist/binding.js') as {
  binding: { InferenceSession: NativeSession };
};

/** Counts in every session that is made while it is in use, and changes nothing. */
class NativeCounter implements Disposable {
  runCount = 0;
  sessionCount = 0;
  readonly #native = binding.InferenceSession;

  constructor() {
    const counter = this;
    binding.InferenceSession = class extends this.#native {
      override run(...given: unknown[]): unknown {
        counter.runCount += 1;
        return super.run(...given);
      }
      override loadModel(...given: unknown[]): void {
        counter.sessionCount += 1;
        super.loadModel(...given);
      }
    };
  }

  [Symbol.dispose](): void {
    binding.InferenceSession = this.#native;
  }
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Contexts {
  readonly temporal: number;
  readonly mimi: number;
  readonly transcriber: number;
}

/** An engine whose model has a transcriber beside it, the most that a step can have to do. */
async function givenEngine(contexts?: Contexts): Promise<MoshiEngine> {
  const checkpoint = transcribedCopy();
  cleanups.push(() => checkpoint[Symbol.dispose]());
  if (contexts) {
    checkpoint.editJson('config.json', (json) => {
      json.context = contexts.temporal;
    });
    checkpoint.editJson('mimi_config.json', (json) => {
      (json.transformer as { context: number }).context = contexts.mimi;
    });
    checkpoint.editJson('transcriber/config.json', (json) => {
      json.context = contexts.transcriber;
    });
  }
  const engine = await MoshiEngine.load({
    modelDirectory: checkpoint.directory,
    cacheDirectory: checkpoint.path('graphs'),
    slotCount: SLOT_COUNT,
    threadCount: 1,
  });
  cleanups.push(() => engine.close());
  return engine;
}

describe('the fused graph', () => {
  it('is one session, run once in each of 1,000 ticks with resets, forcing and idle rows', async () => {
    using counter = new NativeCounter();
    const engine = await givenEngine();
    const stepOf = new Map<number, number>();
    const ticks = { opened: 0, forced: 0, withIdleRows: 0 };
    for (let tick = 0; tick < 1000; tick++) {
      for (let slot = 0; slot < SLOT_COUNT; slot++) {
        const chance = uniform(5n, tick, slot);
        if (!stepOf.has(slot)) {
          engine.openSlot(slot, slotOptions({ number: tick, isForced: true }));
          stepOf.set(slot, 0);
          ticks.opened += 1;
        } else if (chance < 0.02 && slot !== tick % SLOT_COUNT) {
          engine.closeSlot(slot);
          stepOf.delete(slot);
        }
      }
      const running = [...stepOf.keys()].filter((slot) => slot === tick % SLOT_COUNT || uniform(6n, tick, slot) < 0.8);
      const inputs = running.map((slot) => {
        const step = stepOf.get(slot)!;
        stepOf.set(slot, step + 1);
        return scriptedInput({ number: slot, isForced: true }, step, slot, engine);
      });
      if (inputs.length < SLOT_COUNT) ticks.withIdleRows += 1;
      if (inputs.some(({ forcedText, forcedAudio }) => forcedText !== undefined || forcedAudio)) ticks.forced += 1;
      await engine.step(inputs, SLOT_COUNT);
      expect(counter.runCount).toBe(tick + 1);
    }
    expect(counter.sessionCount).toBe(1);
    expect(ticks.opened).toBeGreaterThan(50);
    expect(ticks.forced).toBeGreaterThan(500);
    expect(ticks.withIdleRows).toBeGreaterThan(100);
  });

  it('is not run for a tick without a frame', async () => {
    using counter = new NativeCounter();
    const engine = await givenEngine();
    engine.openSlot(0, slotOptions({ number: 1, isForced: false }));
    expect(await engine.step([])).toEqual([]);
    expect(counter.runCount).toBe(0);
  });
});

/** @returns bytes through JavaScript in each step of one call, beside what a slot's state holds. */
async function bytesOfSteps(contexts: Contexts, stepCount: number) {
  const engine = await givenEngine(contexts);
  const script = { number: 1, isForced: true };
  engine.openSlot(0, slotOptions(script));
  const perStep: number[] = [];
  for (let step = 0; step < stepCount; step++) {
    await engine.step([scriptedInput(script, step, 0, engine)], SLOT_COUNT);
    perStep.push(engine.hostBytesOfLastStep);
  }
  return { perStep, stateBytes: engine.stateBytesPerSlot };
}

describe('the bytes that pass through JavaScript in a step', () => {
  it('do not depend on the length of the contexts', async () => {
    const stepCount = 100;
    const short = await bytesOfSteps({ temporal: 20, mimi: 16, transcriber: 20 }, stepCount);
    const long = await bytesOfSteps({ temporal: 80, mimi: 160, transcriber: 80 }, stepCount);
    console.log(`bytes through JavaScript per step of ${SLOT_COUNT} rows: ${long.perStep.at(-1)}`);
    expect(long.stateBytes).toBeGreaterThan(3 * short.stateBytes);
    // Alike while no ring is full, and once all are; between, a full ring also hides what it is about to overwrite.
    expect(long.perStep.slice(0, 7)).toEqual(short.perStep.slice(0, 7));
    expect(long.perStep.at(-1)).toBe(short.perStep.at(-1));
    expect(Math.max(...long.perStep)).toBe(Math.max(...short.perStep));
  });
});
