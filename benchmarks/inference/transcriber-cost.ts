import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FRAME_SAMPLES } from '../../inference/index.ts';
import { MoshiEngine, makeUntrainedCheckpoint, SMALL_DIMENSIONS, SMALL_TRANSCRIBER } from '../../inference/runtime.ts';
import { quantile } from '../report/report.ts';

const BATCH_SIZES = [1, 8];
const WARM_UP_STEPS = 4;
/** Steps of the two engines alternate one by one, so that a disturbance of the machine meets both. */
const STEPS = 200;

/** What a transcriber beside the default model adds to a step: of random weights, which cost what trained ones do. */
export async function transcriberCost(threadCount: number): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-transcriber-'));
  const load = async (name: string, dimensions: typeof SMALL_DIMENSIONS) => {
    const modelDirectory = join(folder, name);
    await makeUntrainedCheckpoint(modelDirectory, dimensions, 1);
    const cacheDirectory = join(folder, 'graphs');
    const engine = await MoshiEngine.load({
      modelDirectory,
      cacheDirectory,
      threadCount,
      slotCount: BATCH_SIZES.at(-1)!,
    });
    for (let slot = 0; slot < engine.info.slotCount; slot++) engine.openSlot(slot, { seed: BigInt(slot) });
    return engine;
  };
  const engines: MoshiEngine[] = [];
  try {
    engines.push(await load('without', SMALL_DIMENSIONS));
    engines.push(await load('with', { ...SMALL_DIMENSIONS, transcriber: SMALL_TRANSCRIBER }));
    const [without, beside] = engines as [MoshiEngine, MoshiEngine];
    const metrics: Record<string, number> = { transcriber_added_nodes: beside.nodeCount - without.nodeCount };
    for (const batchSize of BATCH_SIZES) {
      const addedMs = await measureAdded(without, beside, batchSize);
      metrics[`transcriber_added_ms_b${batchSize}`] = addedMs;
      console.log(`transcriber, batch ${batchSize}: ${addedMs.toFixed(2)} ms more a step`);
    }
    return metrics;
  } finally {
    for (const engine of engines) await engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureAdded(without: MoshiEngine, beside: MoshiEngine, batchSize: number): Promise<number> {
  const [withoutMs, besideMs]: [number[], number[]] = [[], []];
  for (let i = -WARM_UP_STEPS; i < STEPS; i++) {
    const pcm = Float32Array.from({ length: FRAME_SAMPLES }, (_, at) => 0.1 * Math.sin((at * (i + 10)) / 200));
    const inputs = Array.from({ length: batchSize }, (_, slot) => ({ slot, pcm }));
    await without.step(inputs, batchSize);
    await beside.step(inputs, batchSize);
    if (i < 0) continue;
    withoutMs.push(without.lastReport.stepMs);
    besideMs.push(beside.lastReport.stepMs);
  }
  return quantile(besideMs, 0.5) - quantile(withoutMs, 0.5);
}
