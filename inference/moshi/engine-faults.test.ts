import { afterEach, describe, expect, it } from 'vitest';
import { FRAME_SAMPLES, type SlotInput } from '../engine/engine.ts';
import { CheckpointCopy } from '../testing/checkpoint-copy.ts';
import { f32Tensor } from '../testing/raw-safetensors.ts';
import { bitsOf, type CallScript, playAlone, scriptedInput, slotOptions } from '../testing/scripted-call.ts';
import { MoshiEngine } from './moshi-engine.ts';

const SLOT_COUNT = 4;
const STEP_COUNT = 50;
const HUGE = 3e38;
/** Text token whose embedding is near the largest float: with as much added to it, the sum is infinite. */
const HUGE_TEXT = 40;
/** Code whose centroid is large enough that the decoder's last gain makes it infinite, though its state stays finite. */
const LOUD_CODE = 33;
const CALL: CallScript = { number: 1, isForced: false };
const NEIGHBOUR: CallScript = { number: 2, isForced: true };
const NEXT: CallScript = { number: 3, isForced: true };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function givenCheckpoint(): CheckpointCopy {
  const checkpoint = new CheckpointCopy();
  cleanups.push(() => checkpoint[Symbol.dispose]());
  return checkpoint;
}

async function engineOf(checkpoint: CheckpointCopy): Promise<MoshiEngine> {
  const engine = await MoshiEngine.load({
    modelDirectory: checkpoint.directory,
    cacheDirectory: checkpoint.path('graphs'),
    slotCount: SLOT_COUNT,
    threadCount: 1,
  });
  cleanups.push(() => engine.close());
  return engine;
}

function floats(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** The fixture with one text token and one code that can carry a slot's numbers beyond what a float holds. */
function explosiveCheckpoint(): CheckpointCopy {
  const checkpoint = givenCheckpoint();
  checkpoint.editTensors('model.safetensors', (tensors) => {
    const { shape, bytes } = tensors.get('text_emb.weight')!;
    const dim = shape[1]!;
    const halves = new Uint16Array(new Uint8Array(bytes).buffer);
    const table = new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
    table.fill(HUGE, HUGE_TEXT * dim, (HUGE_TEXT + 1) * dim);
    tensors.set('text_emb.weight', f32Tensor(shape, table));
  });
  checkpoint.editTensors('mimi.safetensors', (tensors) => {
    const sumKey = 'quantizer.rvq_first.vq.layers.0._codebook.embedding_sum';
    const sums = floats(tensors.get(sumKey)!.bytes);
    const usage = floats(tensors.get(sumKey.replace('embedding_sum', 'cluster_usage'))!.bytes)[LOUD_CODE]!;
    const [, dim] = tensors.get(sumKey)!.shape;
    sums.fill(1e25 * usage, LOUD_CODE * dim!, (LOUD_CODE + 1) * dim!);
    tensors.set(sumKey, f32Tensor(tensors.get(sumKey)!.shape, sums));
    const gainKey = 'decoder.model.14.conv.conv.weight';
    const gain = floats(tensors.get(gainKey)!.bytes).map((value) => value * 1e18);
    tensors.set(gainKey, f32Tensor(tensors.get(gainKey)!.shape, gain));
  });
  return checkpoint;
}

const EXPLOSIONS: readonly { readonly title: string; readonly input: Partial<SlotInput> }[] = [
  {
    title: 'its input embedding is infinite',
    input: { forcedText: HUGE_TEXT, addToInput: new Float32Array(48).fill(HUGE) },
  },
  { title: 'its sound is infinite', input: { forcedAudio: Int32Array.of(LOUD_CODE, -1, -1, -1) } },
];

describe('a slot whose numbers go wrong', () => {
  it.each(EXPLOSIONS)('ends its own call and no other when $title', async ({ input }) => {
    const checkpoint = explosiveCheckpoint();
    const clean = await engineOf(checkpoint);
    const options = { slot: 1, stepCount: STEP_COUNT, batchSize: SLOT_COUNT };
    const neighbourAlone = await playAlone(clean, NEIGHBOUR, options);
    const nextAlone = await playAlone(clean, NEXT, options);

    const engine = await engineOf(checkpoint);
    engine.openSlot(0, slotOptions(CALL));
    engine.openSlot(1, slotOptions(NEIGHBOUR));
    const neighbour: string[] = [];
    let faultStep = -1;
    // Past a few rounds of every ring, so that the fault's own entries lie among old ones.
    for (let step = 0; faultStep < 0; step++) {
      const own = { ...scriptedInput(CALL, step, 0, engine), ...(step >= 20 && input) };
      const outputs = await engine.step([own, scriptedInput(NEIGHBOUR, step, 1, engine)], SLOT_COUNT);
      neighbour.push(bitsOf(outputs[1]!));
      const { fault, pcm, text } = outputs[0]!;
      if (fault) {
        faultStep = step;
        expect(fault).toBe('not-finite');
        expect(pcm).toEqual(new Float32Array(FRAME_SAMPLES));
        expect(text).toBe('');
      }
      expect(step).toBeLessThan(25);
    }
    expect(faultStep).toBeGreaterThanOrEqual(20);
    await expect(engine.step([scriptedInput(CALL, 0, 0, engine)], SLOT_COUNT)).rejects.toMatchObject({
      code: 'SLOT_CLOSED',
    });

    engine.openSlot(0, slotOptions(NEXT));
    const next: string[] = [];
    for (let step = 0; step < STEP_COUNT; step++) {
      const inputs = [scriptedInput(NEXT, step, 0, engine)];
      if (neighbour.length < STEP_COUNT) inputs.push(scriptedInput(NEIGHBOUR, neighbour.length, 1, engine));
      const outputs = await engine.step(inputs, SLOT_COUNT);
      next.push(bitsOf(outputs[0]!));
      if (outputs[1]) neighbour.push(bitsOf(outputs[1]));
    }
    expect(next).toEqual(nextAlone);
    expect(neighbour).toEqual(neighbourAlone);
  });

  it('is not one whose numbers are large but finite', async () => {
    const engine = await engineOf(givenCheckpoint());
    engine.openSlot(0, slotOptions(CALL));
    for (let step = 0; step < STEP_COUNT; step++) {
      const addToInput = new Float32Array(engine.info.inputDim).fill(1e30);
      const [output] = await engine.step([{ ...scriptedInput(CALL, step, 0, engine), addToInput }], SLOT_COUNT);
      expect(output!.fault).toBeUndefined();
    }
  });
});

const frame = (edit: (pcm: Float32Array) => void) => (input: SlotInput) => {
  const pcm = input.pcm.slice();
  edit(pcm);
  return { ...input, pcm };
};

const BAD_FRAMES: readonly {
  readonly title: string;
  readonly damage: (input: SlotInput) => SlotInput;
  readonly message: string;
}[] = [
  {
    title: 'a NaN sample',
    damage: frame((pcm) => pcm.fill(Number.NaN, 1919)),
    message: 'slot 1: a sample that is not a finite number',
  },
  {
    title: 'an infinite sample',
    damage: frame((pcm) => pcm.fill(Number.NEGATIVE_INFINITY, 0, 1)),
    message: 'slot 1: a sample that is not a finite number',
  },
  {
    title: 'too few samples',
    damage: (input) => ({ ...input, pcm: new Float32Array(1919) }),
    message: 'slot 1: 1919 samples, not 1920',
  },
  {
    title: 'too many samples',
    damage: (input) => ({ ...input, pcm: new Float32Array(1921) }),
    message: 'slot 1: 1921 samples, not 1920',
  },
  { title: 'no samples', damage: (input) => ({ ...input, pcm: new Float32Array(0) }), message: 'slot 1: 0 samples' },
  {
    title: 'a text token beyond the vocabulary',
    damage: (input) => ({ ...input, forcedText: 64 }),
    message: 'slot 1: text token 64',
  },
  {
    title: 'a text token below 0',
    damage: (input) => ({ ...input, forcedText: -1 }),
    message: 'slot 1: text token -1',
  },
  {
    title: 'a text token that is no number',
    damage: (input) => ({ ...input, forcedText: Number.NaN }),
    message: 'slot 1: text token NaN',
  },
  {
    title: 'a code beyond the codebook',
    damage: (input) => ({ ...input, forcedAudio: Int32Array.of(0, 0, 0, 64) }),
    message: 'slot 1: code 64',
  },
  {
    title: 'a code below -1',
    damage: (input) => ({ ...input, forcedAudio: Int32Array.of(-2, 0, 0, 0) }),
    message: 'slot 1: code -2',
  },
  {
    title: 'too few codes',
    damage: (input) => ({ ...input, forcedAudio: Int32Array.of(0, 0, 0) }),
    message: 'slot 1: 3 codes, not 4',
  },
  {
    title: 'too few added values',
    damage: (input) => ({ ...input, addToInput: new Float32Array(47) }),
    message: 'slot 1: 47 added values, not 48',
  },
  {
    title: 'an added value that is not finite',
    damage: (input) => ({ ...input, addToInput: new Float32Array(48).fill(Number.POSITIVE_INFINITY) }),
    message: 'slot 1: an added value that is not a finite number',
  },
  {
    title: 'a slot outside the batch',
    damage: (input) => ({ ...input, slot: 3 }),
    message: 'slot 3: outside a batch of 3',
  },
  { title: 'the same slot twice', damage: (input) => ({ ...input, slot: 0 }), message: 'slot 0: a second frame' },
];

describe('a step with a bad frame', () => {
  it('changes nobody, whatever is wrong with it', async () => {
    const batchSize = 3;
    const checkpoint = givenCheckpoint();
    const clean = await engineOf(checkpoint);
    const engine = await engineOf(checkpoint);
    const scripts = [CALL, NEIGHBOUR, NEXT];
    for (const [slot, script] of scripts.entries()) {
      for (const each of [clean, engine]) each.openSlot(slot, slotOptions(script));
    }
    engine.openSlot(3, slotOptions(CALL));
    for (let step = 0; step < STEP_COUNT; step++) {
      const inputs = scripts.map((script, slot) => scriptedInput(script, step, slot, engine));
      const { damage, message } = BAD_FRAMES[step % BAD_FRAMES.length]!;
      const bad = inputs.map((input, slot) => (slot === 1 ? damage(input) : input));
      await expect(engine.step(bad, batchSize), message).rejects.toMatchObject({
        code: 'FRAME_INVALID',
        message: expect.stringContaining(message),
      });
      const [found, expected] = [await engine.step(inputs, batchSize), await clean.step(inputs, batchSize)];
      expect(found.map(bitsOf)).toEqual(expected.map(bitsOf));
    }
  });

  it.each([
    { title: 'a slot that is not open', slot: 2, batchSize: 4, code: 'SLOT_CLOSED' },
    { title: 'a slot that does not exist', slot: 4, batchSize: 4, code: 'SLOT_UNKNOWN' },
    { title: 'a slot that is no number', slot: Number.NaN, batchSize: 4, code: 'SLOT_UNKNOWN' },
    { title: 'a batch of none', slot: 0, batchSize: 0, code: 'FRAME_INVALID' },
    { title: 'a batch larger than the engine', slot: 0, batchSize: 5, code: 'FRAME_INVALID' },
    { title: 'half a batch', slot: 0, batchSize: 1.5, code: 'FRAME_INVALID' },
  ])('is refused for $title', async ({ slot, batchSize, code }) => {
    const engine = await engineOf(givenCheckpoint());
    engine.openSlot(0, slotOptions(CALL));
    const input = { slot, pcm: new Float32Array(FRAME_SAMPLES) };
    await expect(engine.step([input], batchSize)).rejects.toMatchObject({ code });
  });
});
