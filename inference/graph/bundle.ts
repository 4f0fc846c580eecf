import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { demandSpace, inGb, markUsed, removeUnused } from '../cache/kept-files.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { sourcesDigest } from '../checkpoint/sources-digest.ts';
import { WholeDirectory } from '../checkpoint/whole-directory.ts';
import { WeightsFile, WeightsMeasure } from '../onnx/weights-file.ts';
import { buildGraph, type GraphKind } from './graphs.ts';
import { CLOCKS, type StateLayout } from './state.ts';

/** The folders whose code decides what a graph and its weights are. */
const WRITERS = ['.', '../onnx', '../checkpoint'].map((path) => join(import.meta.dirname, path));

const ClockSchema = z.enum(CLOCKS);
const size = z.int().min(1);
const ManifestSchema = z.strictObject({
  nodeCount: size,
  layout: z.strictObject({
    rings: z.array(
      z.strictObject({
        name: ClockSchema,
        layerCount: size,
        headCount: size,
        headDim: size,
        context: size,
        positionsPerStep: size,
        maxPeriod: z.number(),
      }),
    ),
    tails: z.array(z.strictObject({ clock: ClockSchema, floats: size })),
  }),
});

/** A graph on disk with the weights it refers to. */
export interface GraphBundle {
  readonly graphPath: string;
  readonly layout: StateLayout;
  readonly nodeCount: number;
}

/**
 * Gives the graph of a checkpoint, from the cache where it lies there. A new one is written beside its place and moved
 * into it whole, so that neither a crash nor a second process leaves half a graph.
 *
 * @param checkpointHash of the checkpoint; part of the key, with the sources that write graphs.
 * @param tell told, in a line, that a graph is written: it takes as long as its weights take to be read and written.
 * @throws InferenceError `CACHE_DISK_FULL`; then nothing has been written.
 */
export function graphBundle(
  kind: GraphKind,
  checkpoint: Checkpoint,
  checkpointHash: string,
  cacheDirectory: string,
  tell: (line: string) => void = () => undefined,
): GraphBundle {
  const key = createHash('sha256').update(checkpointHash).update(sourcesDigest(WRITERS)).digest('hex').slice(0, 24);
  const directory = join(cacheDirectory, `${kind}-${key}`);
  if (existsSync(directory)) markUsed(directory);
  else {
    removeUnused(cacheDirectory);
    const measure = new WeightsMeasure();
    buildGraph(kind, checkpoint, measure);
    demandSpace(cacheDirectory, measure.sizeBytes);
    tell(`Writing its graph, once: ${inGb(measure.sizeBytes)} in ${cacheDirectory}`);
    writeBundle(kind, checkpoint, directory);
  }
  const manifest = ManifestSchema.parse(JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8')));
  return { graphPath: join(directory, 'graph.onnx'), ...manifest };
}

function writeBundle(kind: GraphKind, checkpoint: Checkpoint, directory: string): void {
  using whole = new WholeDirectory(directory);
  const weightsFile = new WeightsFile(join(whole.draft, 'weights.bin'));
  try {
    const { bytes, layout, nodeCount } = buildGraph(kind, checkpoint, weightsFile);
    writeFileSync(join(whole.draft, 'graph.onnx'), bytes);
    writeFileSync(join(whole.draft, 'manifest.json'), JSON.stringify({ nodeCount, layout }));
  } finally {
    weightsFile.close();
  }
  whole.finish();
}
