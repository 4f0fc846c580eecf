import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { FRAME_MS, FRAME_SAMPLES, spawnInferenceWorker } from '../../inference/index.ts';
import { LARGE_DIMENSIONS, MoshiEngine, makeUntrainedCheckpoint, SMALL_DIMENSIONS } from '../../inference/runtime.ts';
import { publish, quantile } from '../report/report.ts';
import { BareProducts, weightProducts } from './bare-products.ts';
import { transcriberCost } from './transcriber-cost.ts';

const BATCH_SIZES = [1, 2, 4, 8, 16, 32];
const WARM_UP_STEPS = 4;
/** Rounds alternate between the step and the bare products, so that a disturbance of the machine meets both. */
const ROUNDS = 5;
const STEPS_PER_ROUND = 8;
const WARM_STARTS = 5;
const READY_SLOTS = 8;
const THREAD_COUNT = availableParallelism();

interface Row {
  readonly model: string;
  readonly batchSize: number;
  readonly stepMs: number[];
  readonly bareMs: number[];
}

/** How long a step takes, against what the bare products of the same weights cost in the same runtime. */
async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-inference-'));
  const metrics: Record<string, number> = {};
  const rows: Row[] = [];
  try {
    for (const [model, dimensions] of [
      ['default', SMALL_DIMENSIONS],
      ['large', LARGE_DIMENSIONS],
    ] as const) {
      const modelDirectory = join(folder, model);
      await makeUntrainedCheckpoint(modelDirectory, dimensions, 1);
      rows.push(...(await measure(model, modelDirectory, folder, metrics)));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  Object.assign(metrics, await transcriberCost(THREAD_COUNT));
  Object.assign(metrics, await readiness());
  for (const { model, batchSize, stepMs, bareMs } of rows) {
    const step = quantile(stepMs, 0.5);
    const stem = `${model}_b${batchSize}`;
    metrics[`${stem}_step_ms_p50`] = step;
    metrics[`${stem}_step_ms_p99`] = quantile(stepMs, 0.99);
    metrics[`${stem}_frames_per_s`] = (batchSize * 1000) / step;
    metrics[`${stem}_ceiling_ratio`] = quantile(bareMs, 0.5) / step;
  }
  metrics.ceiling_ratio_b1 = metrics.large_b1_ceiling_ratio!;
  metrics.ceiling_ratio_b8 = metrics.large_b8_ceiling_ratio!;
  const parameters = {
    threads: THREAD_COUNT,
    batchSizes: BATCH_SIZES,
    rounds: ROUNDS,
    stepsPerRound: STEPS_PER_ROUND,
    frameMs: FRAME_MS,
  };
  publish({ name: 'inference', parameters, metrics, raw: rows });
}

async function measure(
  model: string,
  modelDirectory: string,
  folder: string,
  metrics: Record<string, number>,
): Promise<Row[]> {
  const options = {
    modelDirectory,
    slotCount: BATCH_SIZES.at(-1)!,
    cacheDirectory: join(folder, 'graphs'),
    threadCount: THREAD_COUNT,
  };
  const products = await profileProducts(options, folder);
  const startedMs = performance.now();
  const engine = await MoshiEngine.load(options);
  metrics[`${model}_load_warm_ms`] = performance.now() - startedMs;
  for (let slot = 0; slot < options.slotCount; slot++) engine.openSlot(slot, { seed: BigInt(slot) });
  metrics[`${model}_nodes_per_step`] = engine.nodeCount;
  metrics[`${model}_products_per_step`] = products.length;
  await step(engine, 1);
  metrics[`${model}_host_kb_per_step_b1`] = engine.hostBytesOfLastStep / 1e3;
  metrics[`${model}_state_mb_per_call`] = engine.stateBytesPerSlot / 1e6;
  await using bare = new BareProducts(products, THREAD_COUNT);
  const sessions = await bare.load();
  const rows: Row[] = [];
  for (const batchSize of BATCH_SIZES) {
    const feeds = bare.feeds(batchSize);
    const row: Row = { model, batchSize, stepMs: [], bareMs: [] };
    for (let round = 0; round < ROUNDS; round++) {
      await repeat(STEPS_PER_ROUND, row.stepMs, () => step(engine, batchSize));
      const [products, rest]: [number[], number[]] = [[], []];
      await repeat(STEPS_PER_ROUND, products, () => sessions.products.run(feeds));
      await repeat(STEPS_PER_ROUND, rest, () => sessions.rest.run(feeds));
      const overheadMs = quantile(rest, 0.5);
      row.bareMs.push(...products.map((ms) => ms - overheadMs));
    }
    console.log(
      `${model}, batch ${batchSize}: step ${quantile(row.stepMs, 0.5).toFixed(1)} ms, bare products ${quantile(row.bareMs, 0.5).toFixed(1)} ms`,
    );
    rows.push(row);
  }
  await engine.close();
  await sessions.products.release();
  await sessions.rest.release();
  return rows;
}

/** From the start of a worker's process to its first possible step, with nothing in the cache and with everything. */
async function readiness(): Promise<Record<string, number>> {
  const cacheDir = mkdtempSync(join(tmpdir(), 'parley-bench-ready-'));
  try {
    const readyMs: number[] = [];
    for (let start = 0; start <= WARM_STARTS; start++) {
      const worker = await spawnInferenceWorker({ engine: 'moshi', slotCount: READY_SLOTS, cacheDir });
      readyMs.push(worker.readyMs);
      await worker.close();
    }
    const [cold, ...warm] = readyMs as [number, ...number[]];
    return { default_ready_cold_ms: cold, default_ready_warm_ms_p50: quantile(warm, 0.5) };
  } finally {
    rmSync(cacheDir, { recursive: true, force: true });
  }
}

async function repeat(count: number, into: number[], run: () => Promise<unknown>): Promise<void> {
  for (let i = -WARM_UP_STEPS; i < count; i++) {
    const startedMs = performance.now();
    await run();
    if (i >= 0) into.push(performance.now() - startedMs);
  }
}

function step(engine: MoshiEngine, batchSize: number): Promise<unknown> {
  const pcm = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => 0.1 * Math.sin(i / 20));
  return engine.step(
    Array.from({ length: batchSize }, (_, slot) => ({ slot, pcm })),
    batchSize,
  );
}

async function profileProducts(options: Parameters<typeof MoshiEngine.load>[0], folder: string) {
  const profiles = join(folder, 'profiles');
  mkdirSync(profiles, { recursive: true });
  const engine = await MoshiEngine.load({ ...options, slotCount: 1, profilePrefix: join(profiles, 'step') });
  engine.openSlot(0, { seed: 0n });
  await step(engine, 1);
  engine.endProfiling();
  await engine.close();
  const [file] = readdirSync(profiles);
  const products = weightProducts(join(profiles, file!));
  rmSync(profiles, { recursive: true });
  return products;
}

await main();
