import {
  connectWorker,
  type InferenceWorker,
  spawnInferenceWorker,
  type WorkerLink,
} from '../../../../inference/index.ts';
import { ProcessWatch } from '../process-watch.ts';
import type { Target } from '../trial.ts';
import { LinkCampaign } from './link-campaign.ts';
import { LinkNeighbour } from './link-neighbour.ts';

/** An inference worker in its own process, attacked over its socket. */
export class LinkTarget implements Target, AsyncDisposable {
  readonly watch: ProcessWatch;
  readonly campaign: LinkCampaign;
  readonly #worker: InferenceWorker;
  readonly #link: WorkerLink;

  private constructor(watch: ProcessWatch, worker: InferenceWorker, link: WorkerLink) {
    this.watch = watch;
    this.#worker = worker;
    this.#link = link;
    this.campaign = new LinkCampaign(worker.socketPath, link);
  }

  static async start(): Promise<LinkTarget> {
    const watch = await ProcessWatch.create();
    const worker = await watch.around(() => spawnInferenceWorker({ engine: 'loopback', slotCount: 8 }));
    watch.watch(worker.pid);
    return new LinkTarget(watch, worker, await connectWorker(worker.socketPath));
  }

  startNeighbour(): Promise<LinkNeighbour> {
    return LinkNeighbour.connect(this.#worker.socketPath);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link.close();
    await this.#worker.close();
    await this.watch[Symbol.asyncDispose]();
  }
}
