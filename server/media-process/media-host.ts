import { connectWorker, InferenceError, type WorkerLink } from '../../inference/index.ts';
import { MediaError, MediaNode } from '../../media/index.ts';
import type { Logger } from '../log.ts';
import { HostedCall } from './hosted-call.ts';
import type { ParamsOf } from './messages.ts';
import type { Handlers, Notify } from './rpc-service.ts';

const LEVELS_EVERY_MS = 200;
const LEVELS_PER_LATENCY = 5;
/** How long a rejoining client waits for mediasoup's worker to be replaced. */
const REPLACED_MS_MAX = 5_000;

/** Joins media and inference in the media process: calls on one side, slots on the other. */
export class MediaHost {
  readonly handlers: Handlers;
  readonly #notify: Notify;
  readonly #logger: Logger;
  readonly #onFailed: () => void;
  readonly #calls = new Map<string, HostedCall>();
  /** Calls that are being opened, and whether they were closed meanwhile. */
  readonly #opening = new Map<string, { isClosed: boolean }>();
  readonly #levelTimer: NodeJS.Timeout;
  #node: MediaNode | undefined;
  #link: WorkerLink | undefined;
  /** Resolves when mediasoup's worker is there. */
  #replaced: Promise<void> = Promise.resolve();
  #levelTick = 0;

  /** @param onFailed called once when mediasoup cannot be brought back: this process is of no more use. */
  constructor(notify: Notify, logger: Logger, onFailed: () => void) {
    this.#notify = notify;
    this.#logger = logger;
    this.#onFailed = onFailed;
    this.#levelTimer = setInterval(() => this.#tellLevels(), LEVELS_EVERY_MS);
    this.handlers = {
      start: (params) => this.#start(params),
      connectEngine: ({ socketPath }) => this.#connectEngine(socketPath),
      openCall: ({ callId, seed }) => this.#openCall(callId, BigInt(seed)),
      connectTransport: async ({ callId, transportId, dtlsParameters }) => {
        await this.#callOf(callId).media.connectTransport(transportId, dtlsParameters);
        return {};
      },
      produce: ({ callId, ...request }) => this.#callOf(callId).media.produce(request),
      consume: async ({ callId, rtpCapabilities }) => {
        const { id, producerId, rtpParameters } = await this.#callOf(callId).media.consume({ rtpCapabilities });
        return { consumerId: id, producerId, rtpParameters };
      },
      restartCall: ({ callId }) => this.#restartCall(callId),
      closeCall: ({ callId }) => this.#closeCall(callId),
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#levelTimer);
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    await Promise.all(calls.map((call) => call.close()));
    await this.#node?.close('server-shutdown');
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  async #start({ listen, port, workerBin, opusLibrary }: ParamsOf<'start'>): Promise<Record<string, never>> {
    const node = await MediaNode.create({
      listen,
      port,
      ...(workerBin !== undefined && { workerBin }),
      ...(opusLibrary !== undefined && { opusLibraryPath: opusLibrary }),
    });
    let resolveReplaced = () => {};
    node.on('workerDied', () => {
      this.#logger.error({ calls: this.#calls.size }, "mediasoup's worker died");
      this.#replaced = new Promise((resolve) => {
        resolveReplaced = resolve;
      });
    });
    node.on('workerReplaced', (startedInMs) => {
      this.#logger.info({ startedInMs }, "mediasoup's worker was replaced");
      resolveReplaced();
    });
    node.on('closed', (reason) => {
      if (reason === 'worker-failed') this.#onFailed();
    });
    this.#node = node;
    return {};
  }

  async #connectEngine(socketPath: string): Promise<Record<string, never>> {
    const former = this.#link;
    this.#link = undefined;
    await former?.close();
    const link = await connectWorker(socketPath);
    this.#link = link;
    link.on('closed', (reason) => {
      this.#logger.info({ reason }, 'the link to the inference worker closed');
      // One that was replaced, or closed by us, is nobody's loss.
      if (this.#link !== link) return;
      this.#link = undefined;
      this.#notify('engineLinkClosed', {});
    });
    await Promise.all([...this.#calls.values()].filter((call) => call.isUnanswered).map((call) => call.moveTo(link)));
    return {};
  }

  async #openCall(callId: string, seed: bigint) {
    if (!this.#node) throw new MediaError('NODE_CLOSED', 'before start');
    if (!this.#link) throw new InferenceError('LINK_CLOSED', 'no inference worker');
    const opening = { isClosed: false };
    this.#opening.set(callId, opening);
    let call: HostedCall;
    try {
      call = await HostedCall.open(this.#node, this.#link, {
        callId,
        seed,
        notify: this.#notify,
        logger: this.#logger,
      });
    } finally {
      this.#opening.delete(callId);
    }
    if (opening.isClosed) {
      await call.close();
      throw new MediaError('CALL_CLOSED', `${callId}, while it was being opened`);
    }
    this.#calls.set(callId, call);
    return call.join();
  }

  /** A call that is still being opened is closed once it is open: until then it cannot be stopped. */
  async #closeCall(callId: string): Promise<Record<string, never>> {
    const opening = this.#opening.get(callId);
    if (opening) opening.isClosed = true;
    const call = this.#calls.get(callId);
    this.#calls.delete(callId);
    await call?.close();
    return {};
  }

  async #restartCall(callId: string) {
    const call = this.#callOf(callId);
    await Promise.race([this.#replaced, timeout(REPLACED_MS_MAX)]);
    await call.media.restart();
    return call.join();
  }

  #callOf(callId: string): HostedCall {
    const call = this.#calls.get(callId);
    if (!call) throw new MediaError('CALL_CLOSED', callId);
    return call;
  }

  #tellLevels(): void {
    this.#levelTick += 1;
    const isLatencyDue = this.#levelTick % LEVELS_PER_LATENCY === 0;
    for (const call of this.#calls.values()) {
      call.tellLevels();
      if (isLatencyDue) call.tellLatency();
    }
  }
}

async function timeout(ms: number): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref());
  throw new MediaError('MEDIA_WORKER_UNAVAILABLE', `not replaced within ${ms} ms`);
}
