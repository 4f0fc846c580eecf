import { type InferenceWorker, spawnInferenceWorker } from '../../../../inference/index.ts';
import { ProcessWatch } from '../process-watch.ts';
import type { Target } from '../trial.ts';
import { LinkNeighbour } from './link-neighbour.ts';

/** Attackers take and leave seven; the other call has one. */
const SLOT_COUNT = 8;

/** An inference worker in its own process, attacked over its socket. */
export class LinkTarget implements Target, AsyncDisposable {
  readonly inputs = ['worker-link'] as const;
  readonly watch: ProcessWatch;
  readonly #worker: InferenceWorker;

  private constructor(watch: ProcessWatch, worker: InferenceWorker) {
    this.watch = watch;
    this.#worker = worker;
  }

  static async start(): Promise<LinkTarget> {
    const watch = await ProcessWatch.create();
    const worker = await watch.around(() => spawnInferenceWorker({ engine: 'loopback', slotCount: SLOT_COUNT }));
    watch.watch(worker.pid);
    return new LinkTarget(watch, worker);
  }

  get address(): string {
    return this.#worker.socketPath;
  }

  startNeighbour(): Promise<LinkNeighbour> {
    return LinkNeighbour.connect(this.#worker.socketPath);
  }

  /** A worker logs nothing. */
  defects(): string[] {
    return [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.close();
    await this.watch[Symbol.asyncDispose]();
  }
}
