import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { declareSampler, samplerInputs } from '../graph/sampler.ts';
import { uniform } from '../moshi/random.ts';
import { rowSampler } from '../moshi/slot.ts';
import { GraphBuilder } from '../onnx/graph-builder.ts';
import { WeightsFile } from '../onnx/weights-file.ts';
import type { Recordings } from './cases.ts';
import type { Comparison } from './comparison.ts';

const DRAW_COUNT = 24_000;
/** Standard score of a chance of one in a million to fail although the sampler is right. */
const SCORE_MAX = 4.75;
/** Rarer tokens are counted together: the statistic is not chi-square below about five expected draws. */
const EXPECTED_MIN = 5;

/** The sampler alone: what it draws must follow the recorded distributions, by a chi-square test. */
export async function runSamplingCase(recorded: Recordings, comparison: Comparison): Promise<void> {
  const logits = recorded.floats('logits');
  const [caseCount, card] = logits.shape as [number, number];
  const session = await samplerSession(card);
  for (let row = 0; row < caseCount; row++) {
    const sampler = rowSampler(
      'text',
      recorded.floats('temperature').at(row),
      recorded.integers('top_k').at(row),
      card,
    );
    const draws = await draw(session, card, (i) => logits.at(row, i), sampler, BigInt(row));
    const { statistic, critical } = chiSquare(draws, (token) => recorded.floats('probabilities').at(row, token), card);
    comparison.judged(
      statistic,
      statistic <= critical,
      `chi-square of distribution ${row}, at most ${critical.toFixed(1)}`,
    );
  }
  await session.release();
}

async function draw(
  session: InferenceSession,
  card: number,
  logit: (token: number) => number,
  { inverseTemperature, rankMask, lastRank }: ReturnType<typeof rowSampler>,
  seed: bigint,
): Promise<Int32Array> {
  const repeated = (width: number, value: (column: number) => number) =>
    new Tensor(
      'float32',
      Float32Array.from({ length: DRAW_COUNT * width }, (_, i) => value(i % width)),
      [DRAW_COUNT, width],
    );
  const uniforms = Float32Array.from({ length: DRAW_COUNT }, (_, step) => uniform(seed, step, 0));
  const { drawn } = await session.run({
    logits: repeated(card, logit),
    uniforms: new Tensor('float32', uniforms, [DRAW_COUNT, 1]),
    [samplerInputs.inverseTemperature('text')]: repeated(1, () => inverseTemperature),
    [samplerInputs.rankMask('text')]: repeated(rankMask.length, (rank) => rankMask[rank]!),
    [samplerInputs.lastRank('text')]: new Tensor('int32', new Int32Array(DRAW_COUNT).fill(lastRank), [DRAW_COUNT, 1]),
  });
  return drawn!.data as Int32Array;
}

async function samplerSession(card: number): Promise<InferenceSession> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-sampler-'));
  try {
    const weightsFile = new WeightsFile(join(folder, 'weights.bin'));
    const graph = new GraphBuilder(weightsFile);
    const logits = graph.input('logits', 'float32', ['batch', card]);
    const uniforms = graph.input('uniforms', 'float32', ['batch', 1]);
    graph.output('drawn', declareSampler(graph, 'text', card).sample(logits, uniforms), 'int32', ['batch', 1]);
    weightsFile.close();
    writeFileSync(join(folder, 'sampler.onnx'), graph.build('sampler'));
    return await InferenceSession.create(join(folder, 'sampler.onnx'), { intraOpNumThreads: 1 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function chiSquare(draws: Int32Array, probability: (token: number) => number, card: number) {
  const counts = new Float64Array(card);
  for (const token of draws) counts[token]! += 1;
  let statistic = 0;
  let cellCount = 0;
  const rare = { expected: 0, count: 0 };
  for (let token = 0; token < card; token++) {
    const expected = probability(token) * draws.length;
    // A token that cannot be drawn was drawn: no statistic is large enough to say so.
    if (expected === 0 && counts[token]! > 0) return { statistic: Number.POSITIVE_INFINITY, critical: 0 };
    if (expected < EXPECTED_MIN) {
      rare.expected += expected;
      rare.count += counts[token]!;
      continue;
    }
    statistic += (counts[token]! - expected) ** 2 / expected;
    cellCount += 1;
  }
  if (rare.expected > 0) {
    statistic += (rare.count - rare.expected) ** 2 / rare.expected;
    cellCount += 1;
  }
  // Wilson and Hilferty's approximation of the quantile.
  const freedom = Math.max(1, cellCount - 1);
  const critical = freedom * (1 - 2 / (9 * freedom) + SCORE_MAX * Math.sqrt(2 / (9 * freedom))) ** 3;
  return { statistic, critical };
}
