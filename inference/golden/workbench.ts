import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Checkpoint } from '../checkpoint/checkpoint.ts';
import { graphBundle } from '../graph/bundle.ts';
import type { GraphKind } from '../graph/graphs.ts';
import { GraphRunner } from '../moshi/graph-runner.ts';

/** A checkpoint whose graphs are built in a folder of their own, for as long as its cases run. */
export class Workbench implements AsyncDisposable {
  readonly checkpoint: Checkpoint;
  readonly #cache = mkdtempSync(join(tmpdir(), 'parley-verify-'));
  readonly #runners: GraphRunner[] = [];

  constructor(directory: string) {
    this.checkpoint = new Checkpoint(directory);
  }

  /** @returns a fresh runner: no state of an earlier case is in it. One thread, so that results do not depend on cores. */
  async runner(kind: GraphKind, slotCount: number): Promise<GraphRunner> {
    const bundle = graphBundle(kind, this.checkpoint, 'verify', this.#cache);
    const runner = await GraphRunner.load(bundle, { slotCount, threadCount: 1 });
    this.#runners.push(runner);
    return runner;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const runner of this.#runners.splice(0)) await runner.close();
    this.checkpoint.close();
    rmSync(this.#cache, { recursive: true, force: true });
  }
}
