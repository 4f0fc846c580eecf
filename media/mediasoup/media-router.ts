import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { createWorker, type types } from 'mediasoup';
import { MediaError } from '../errors.ts';
import type { ListenAddress, MediaNodeOptions } from './media-node-options.ts';
import { watchWorker } from './worker-watch.ts';

/**
 * Opus as browsers send it. RFC 7587 fixes the RTP clock at 48 kHz and two channels whatever is inside; the caller is
 * asked for mono with in-band error correction.
 */
const OPUS: types.RouterRtpCodecCapability = {
  kind: 'audio',
  mimeType: 'audio/opus',
  clockRate: 48_000,
  channels: 2,
  preferredPayloadType: 111,
  parameters: { useinbandfec: 1, minptime: 10, 'sprop-stereo': 0 },
};

/** At once, and then again for a port that is not free yet or a machine that is short of something. */
const RESTART_PAUSES_MS = [0, 100, 500, 2_000];

export type MediaRouterEvents = {
  /** mediasoup's process ended unasked, or hung and was killed: every transport is gone. */
  workerDied: [];
  workerReplaced: [startedInMs: number];
  /** A replacement could not be started; there will be no other. */
  failed: [error: MediaError];
};

/** What exists while one mediasoup process lives. */
interface Generation {
  readonly worker: types.Worker;
  readonly webRtcServer: types.WebRtcServer;
  readonly router: types.Router;
}

/** One mediasoup process with one port and one router, replaced at once when it dies. */
export class MediaRouter extends EventEmitter<MediaRouterEvents> implements AsyncDisposable {
  readonly #options: MediaNodeOptions;
  #generation: Generation | undefined;
  #isClosed = false;

  private constructor(options: MediaNodeOptions) {
    super();
    this.#options = options;
  }

  /** @throws MediaError `MEDIA_WORKER_START_FAILED`, `MEDIA_PORT_UNAVAILABLE` */
  static async create(options: MediaNodeOptions): Promise<MediaRouter> {
    const router = new MediaRouter(options);
    await router.#start();
    return router;
  }

  /** Process id of mediasoup's worker; undefined between a death and its replacement. */
  get workerPid(): number | undefined {
    return this.#generation?.worker.pid;
  }

  get rtpCapabilities(): types.RtpCapabilities {
    return this.#live().router.rtpCapabilities;
  }

  /** @throws MediaError `MEDIA_WORKER_UNAVAILABLE` */
  createWebRtcTransport(): Promise<types.WebRtcTransport> {
    const { router, webRtcServer } = this.#live();
    return router.createWebRtcTransport({ webRtcServer, enableUdp: true, enableTcp: true, preferUdp: true });
  }

  /** RTP in and out of this process. @throws MediaError `MEDIA_WORKER_UNAVAILABLE` */
  createDirectTransport(): Promise<types.DirectTransport> {
    return this.#live().router.createDirectTransport();
  }

  canConsume(producerId: string, rtpCapabilities: types.RtpCapabilities): boolean {
    return this.#live().router.canConsume({ producerId, rtpCapabilities });
  }

  close(): void {
    this.#isClosed = true;
    this.#generation?.worker.close();
    this.#generation = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #live(): Generation {
    if (!this.#generation) throw new MediaError('MEDIA_WORKER_UNAVAILABLE', 'mediasoup is being started again');
    return this.#generation;
  }

  async #start(): Promise<void> {
    const { workerBin, listen, port } = this.#options;
    let worker: types.Worker | undefined;
    try {
      worker = await createWorker({ logLevel: 'warn', ...(workerBin !== undefined && { workerBin }) });
      const webRtcServer = await listenOn(worker, listen, port);
      const router = await worker.createRouter({ mediaCodecs: [OPUS] });
      const generation = { worker, webRtcServer, router };
      worker.once('died', () => void this.#replace(generation));
      void watchWorker(worker);
      this.#generation = generation;
      // Closed while the process was starting: nobody would end it.
      if (this.#isClosed) this.close();
    } catch (cause) {
      worker?.close();
      if (cause instanceof MediaError) throw cause;
      throw new MediaError('MEDIA_WORKER_START_FAILED', `${workerBin ?? "mediasoup's own"}: ${String(cause)}`, {
        cause,
      });
    }
  }

  async #replace(dead: Generation): Promise<void> {
    if (this.#isClosed || this.#generation !== dead) return;
    this.#generation = undefined;
    this.emit('workerDied');
    const startedMs = performance.now();
    let failure: MediaError | undefined;
    for (const pauseMs of RESTART_PAUSES_MS) {
      await delay(pauseMs, undefined, { ref: false });
      if (this.#isClosed) return;
      try {
        await this.#start();
        this.emit('workerReplaced', performance.now() - startedMs);
        return;
      } catch (error) {
        failure = error as MediaError;
      }
    }
    if (failure !== undefined) this.emit('failed', failure);
  }
}

/** Opens the one port of all calls. @throws MediaError `MEDIA_PORT_UNAVAILABLE` */
async function listenOn(
  worker: types.Worker,
  listen: readonly ListenAddress[],
  port: number,
): Promise<types.WebRtcServer> {
  const listenInfos = listen.flatMap((address) =>
    (['udp', 'tcp'] as const).map((protocol) => ({ protocol, ...address, ...(port > 0 && { port }) })),
  );
  try {
    return await worker.createWebRtcServer({ listenInfos });
  } catch (cause) {
    // A worker that died meanwhile says nothing about the port.
    if (worker.closed) throw cause;
    const where = listen.map(({ ip }) => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`).join(', ');
    throw new MediaError('MEDIA_PORT_UNAVAILABLE', `${where}: ${(cause as Error).message}`, { cause });
  }
}
