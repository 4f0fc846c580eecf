import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { Checkpoint } from '../checkpoint/checkpoint.ts';
import { type LmConfig, readCheckpointConfig, readLmConfig } from '../checkpoint/config.ts';
import { expectedLmTensors, expectedMimiTensors, lastConvIndex } from '../checkpoint/expected-tensors.ts';
import { type TensorToWrite, writeSafetensors } from '../checkpoint/safetensors-writer.ts';
import { TRANSCRIBER_FOLDER } from '../checkpoint/transcriber-config.ts';
import { WholeDirectory } from '../checkpoint/whole-directory.ts';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { graphBundle } from '../graph/bundle.ts';
import { type GraphKind, graphNames } from '../graph/graphs.ts';
import { GraphRunner } from '../moshi/graph-runner.ts';
import { drawCodebooks } from './codebooks.ts';
import { CODEBOOKS_PER_VOICE, configFiles, type Dimensions } from './dimensions.ts';
import { noise, randomTensor } from './random-weights.ts';
import { speechLike } from './speech-like.ts';
import { babbleTokenizer } from './tokenizer.ts';

/** Loud enough to hear, far from clipping. */
const OUTPUT_RMS = 10 ** (-20 / 20);
const CALIBRATION_ROWS = 8;
/** Frames that codebooks are drawn from; more would tell no more of a codec that was never trained. */
const CALIBRATION_FRAMES_MAX = 1024;

/**
 * Makes a checkpoint of random weights in Kyutai's layout: the machinery of a conversation without anything learnt, so
 * what it says is noise at a fair level. The same seed and dimensions give the same files.
 *
 * @param directory does not exist yet; it appears whole or not at all.
 */
export async function makeUntrainedCheckpoint(directory: string, dimensions: Dimensions, seed: number): Promise<void> {
  if (existsSync(directory)) throw new Error(`${directory} exists already`);
  using whole = new WholeDirectory(directory);
  const { draft } = whole;
  const files = configFiles(dimensions);
  writeFileSync(join(draft, 'config.json'), JSON.stringify(files.lm, undefined, 1));
  writeFileSync(join(draft, 'mimi_config.json'), JSON.stringify(files.mimi, undefined, 1));
  writeFileSync(join(draft, 'tokenizer.model'), babbleTokenizer(dimensions.lm.text_card));
  const config = readCheckpointConfig(draft);
  writeLm(config.files.lm, config.lm, seed);
  if (files.transcriber) writeTranscriber(join(draft, TRANSCRIBER_FOLDER), files.transcriber, seed);
  await writeMimi(draft, config.files.mimi, seed);
  whole.finish();
}

function writeLm(path: string, lm: LmConfig, seed: number): void {
  writeSafetensors(
    path,
    expectedLmTensors(lm).map((tensor) => randomTensor(seed, tensor)),
  );
}

function writeTranscriber(folder: string, config: object, seed: number): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config, undefined, 1));
  const { lm, names } = readLmConfig(folder);
  writeLm(join(folder, names.moshi_name), lm, seed);
}

/** Writes Mimi three times: to see its latents, then with codebooks drawn from them, then at the right level. */
async function writeMimi(directory: string, path: string, seed: number): Promise<void> {
  const { mimi } = readCheckpointConfig(directory);
  const tensors = expectedMimiTensors(mimi, CODEBOOKS_PER_VOICE).map((tensor) => randomTensor(seed, tensor));
  const random = new Map(tensors.map((tensor) => [tensor.key, tensor]));
  const rewrite = (replaced: readonly TensorToWrite[]) => {
    rmSync(path, { force: true });
    const byKey = new Map(replaced.map((tensor) => [tensor.key, tensor]));
    writeSafetensors(
      path,
      tensors.map((tensor) => byKey.get(tensor.key) ?? tensor),
    );
  };
  rewrite([]);
  const latents = await encodeLatents(
    directory,
    seed,
    Math.min(4 * mimi.binCount, CALIBRATION_FRAMES_MAX) / CALIBRATION_ROWS,
  );
  const projection = (branch: string) => random.get(`quantizer.${branch}.input_proj.weight`)!.produce();
  const projections = { semantic: projection('rvq_first'), acoustic: projection('rvq_rest') };
  const codebooks = drawCodebooks(mimi, latents, projections, seed);
  rewrite(codebooks);
  const gain = OUTPUT_RMS / (await decodedRms(directory, seed));
  const last = ['weight', 'bias'].map((kind) => random.get(`decoder.model.${lastConvIndex(mimi)}.conv.conv.${kind}`)!);
  const levelled = last.map((tensor) => ({ ...tensor, produce: () => tensor.produce().map((value) => value * gain) }));
  rewrite([...codebooks, ...levelled]);
}

async function encodeLatents(directory: string, seed: number, frameCount: number): Promise<Float32Array> {
  return withPart(directory, 'encoder', async (runner) => {
    const sounds = Array.from({ length: CALIBRATION_ROWS }, (_, row) =>
      speechLike(seed + row, frameCount * FRAME_SAMPLES),
    );
    const latents: Float32Array[] = [];
    for (let frame = 0; frame < frameCount; frame++) {
      const pcm = new Float32Array(CALIBRATION_ROWS * FRAME_SAMPLES);
      sounds.forEach((sound, row) => {
        pcm.set(sound.subarray(frame * FRAME_SAMPLES, (frame + 1) * FRAME_SAMPLES), row * FRAME_SAMPLES);
      });
      const feeds = { [graphNames.pcm]: new Tensor('float32', pcm, [CALIBRATION_ROWS, FRAME_SAMPLES]) };
      const { outputs } = await runner.run(CALIBRATION_ROWS, feeds, () => true);
      latents.push(outputs[graphNames.latent]!.data as Float32Array);
    }
    const width = latents[0]!.length;
    const all = new Float32Array(latents.length * width);
    latents.forEach((part, i) => {
      all.set(part, i * width);
    });
    return all;
  });
}

/** The level of what the decoder makes of codes drawn by chance: the model's own, untrained, are no better. */
async function decodedRms(directory: string, seed: number): Promise<number> {
  return withPart(directory, 'decoder', async (runner, { audioCard }) => {
    const next = noise(seed);
    let [squares, count] = [0, 0];
    for (let frame = 0; frame < 25; frame++) {
      const codes = Int32Array.from(
        { length: CALIBRATION_ROWS * CODEBOOKS_PER_VOICE },
        () => ((next() + 1) / 2) * audioCard,
      );
      const tensor = new Tensor('int32', codes, [CALIBRATION_ROWS, CODEBOOKS_PER_VOICE]);
      const { outputs } = await runner.run(CALIBRATION_ROWS, { [graphNames.decoderCodes]: tensor }, () => true);
      const pcm = outputs[graphNames.decoded]!.data as Float32Array;
      squares += pcm.reduce((sum, sample) => sum + sample * sample, 0);
      count += pcm.length;
    }
    return Math.sqrt(squares / count);
  });
}

async function withPart<T>(
  directory: string,
  kind: GraphKind,
  use: (runner: GraphRunner, lm: { audioCard: number }) => Promise<T>,
): Promise<T> {
  const cache = mkdtempSync(join(tmpdir(), 'parley-untrained-'));
  const checkpoint = new Checkpoint(directory);
  try {
    const runner = await GraphRunner.load(graphBundle(kind, checkpoint, 'draft', cache), {
      slotCount: CALIBRATION_ROWS,
    });
    try {
      return await use(runner, checkpoint.config.lm);
    } finally {
      await runner.close();
    }
  } finally {
    checkpoint.close();
    rmSync(cache, { recursive: true, force: true });
  }
}
