import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { type EngineInfo, type InferenceWorker, spawnInferenceWorker } from '../inference/index.ts';
import { type EndReason, SignalingServer } from '../signaling/index.ts';
import { CallDesk } from './calls/call-desk.ts';
import { type Addresses, planAddresses } from './config/addresses.ts';
import type { Config } from './config/schema.ts';
import type { SetupRecord } from './config/setup-record.ts';
import { ServerError } from './errors.ts';
import { createHttpApp, type Health } from './http/http-app.ts';
import type { Logger } from './log.ts';
import { MediaProcess } from './media-process/media-process.ts';
import type { ParamsOf } from './media-process/messages.ts';
import { ProcessKeeper } from './processes/process-keeper.ts';
import { localCertificate } from './tls/certificate.ts';

const PAGE_DIR = fileURLToPath(new URL('console/dist', import.meta.url));

const JOIN_AGAIN_MS = 200;

export interface NodeOptions {
  readonly config: Config;
  readonly setup: SetupRecord;
  /** Where the server keeps its certificate between starts. */
  readonly stateDir: string;
  readonly logger: Logger;
}

/** One running server: the control plane in this process, the media process and the inference worker below it. */
export class ParleyNode implements AsyncDisposable {
  /** What it binds and announces. */
  readonly addresses: Addresses;
  readonly #options: NodeOptions;
  readonly #media: ProcessKeeper<MediaProcess>;
  readonly #engine: ProcessKeeper<InferenceWorker>;
  readonly #desk: CallDesk;
  #engineInfo: EngineInfo | undefined;
  #http: FastifyInstance | undefined;
  #signaling: SignalingServer | undefined;
  #port = 0;
  /** The media process is connected with the inference worker. */
  #isJoined = false;
  #closing: Promise<void> | undefined;

  private constructor(options: NodeOptions) {
    this.#options = options;
    const { config, logger } = options;
    this.addresses = planAddresses(config, networkInterfaces());
    this.#media = new ProcessKeeper<MediaProcess>({
      name: 'media process',
      logger,
      start: (died, signal) => this.#startMedia(died, signal),
    });
    this.#engine = new ProcessKeeper<InferenceWorker>({
      name: 'inference worker',
      logger,
      start: (died, signal) => this.#startEngine(died, signal),
    });
    const places = {
      media: () => this.#media.current?.rpc,
      engine: () => (this.#isJoined ? this.#engineInfo : undefined),
    };
    this.#desk = new CallDesk(places, logger);
  }

  /**
   * Starts everything and resolves when calls are served.
   *
   * @throws {ServerError} `ACCESS_PUBLIC_REFUSED`, `ADDRESS_UNAVAILABLE`, `MEDIA_PROCESS_FAILED`; {RemoteError} with
   *   media's codes; {InferenceError} over the engine and its checkpoint. What was started by then is ended.
   */
  static async start(options: NodeOptions): Promise<ParleyNode> {
    const node = new ParleyNode(options);
    try {
      await node.#start();
      return node;
    } catch (error) {
      await node.close('server-shutdown');
      throw error;
    }
  }

  /** Where the page is, the most useful address first. */
  get urls(): string[] {
    const { isTls, pageHosts } = this.addresses;
    const hosts = pageHosts.map((host) => (host.includes(':') ? `[${host}]` : host));
    return hosts.map((host) => `${isTls ? 'https' : 'http'}://${host}:${this.#port}/`);
  }

  /** What answers calls; that of the last worker while it is being replaced. */
  get engineInfo(): EngineInfo {
    return this.#engineInfo!;
  }

  get callCount(): number {
    return this.#desk.callCount;
  }

  get health(): Health {
    const isMediaUp = this.#media.current !== undefined;
    const isEngineUp = this.#isJoined;
    const isUp = isMediaUp && isEngineUp;
    return {
      status: this.#desk.isDraining ? 'draining' : isUp ? 'ok' : 'degraded',
      calls: this.#desk.callCount,
      slots: this.engineInfo.slotCount,
      isMediaUp,
      isEngineUp,
    };
  }

  /** Process ids of the parts that run now, by name. */
  get pids(): { readonly media: number | undefined; readonly engine: number | undefined } {
    return { media: this.#media.current?.pid, engine: this.#engine.current?.pid };
  }

  /** Refuses new calls, waits until the last has ended or the configured time is over, then closes. */
  async drain(): Promise<void> {
    this.#desk.drain();
    if (this.#desk.callCount > 0) {
      const { drainMsMax } = this.#options.config.limits;
      const emptied = new Promise<void>((resolve) => this.#desk.once('emptied', resolve));
      await Promise.race([emptied, sleep(drainMsMax, undefined, { ref: false })]);
    }
    await this.close(this.#desk.callCount > 0 ? 'server-draining' : 'server-shutdown');
  }

  /** Idempotent: ends every call, then the processes. */
  close(reason: EndReason): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close('server-shutdown');
  }

  async #start(): Promise<void> {
    // Both at once: each takes a good part of a second, a large model minutes. Where one fails, closing gives the other up.
    const [media] = await Promise.all([this.#media.start(), this.#engine.start()]);
    this.#listenTo(media);
    await this.#join();
    this.#media.on('lost', (lost) => {
      this.#isJoined = false;
      this.#desk.mediaDied(lost.rpc);
    });
    this.#engine.on('lost', () => {
      this.#isJoined = false;
    });
    this.#media.on('restored', (restored) => {
      this.#listenTo(restored);
      void this.#join();
    });
    this.#engine.on('restored', () => void this.#join());
    await this.#listen();
  }

  #listenTo(media: MediaProcess): void {
    this.#desk.listen(media.rpc);
    media.rpc.on('engineLinkClosed', () => {
      this.#isJoined = false;
      // Where the worker died, its successor is joined once it is there.
      void this.#join();
    });
  }

  /** Connects the media process with the inference worker; again and again, as long as both are there. */
  async #join(): Promise<void> {
    const [media, engine] = [this.#media.current, this.#engine.current];
    while (media && engine && media === this.#media.current && engine === this.#engine.current && !this.#closing) {
      try {
        await media.rpc.ask('connectEngine', { socketPath: engine.socketPath });
        this.#isJoined = true;
        return;
      } catch (error) {
        this.#options.logger.warn({ err: error }, 'the media process could not reach the inference worker');
        await sleep(JOIN_AGAIN_MS);
      }
    }
  }

  async #startMedia(died: (detail: string) => void, signal: AbortSignal): Promise<MediaProcess> {
    const { config, setup, logger } = this.#options;
    const workerBin = config.media.workerBin ?? setup.mediasoupWorkerBin;
    const opusLibrary = config.media.opusLibrary ?? setup.opusLibrary;
    const params: ParamsOf<'start'> = {
      listen: [...this.addresses.mediaListen],
      port: config.media.port,
      ...(workerBin !== undefined && { workerBin }),
      ...(opusLibrary !== undefined && { opusLibrary }),
    };
    const media = await MediaProcess.start(params, logger, signal);
    media.on('died', died);
    return media;
  }

  async #startEngine(died: (detail: string) => void, signal: AbortSignal): Promise<InferenceWorker> {
    const { name, slotCount, simulatedStepMs, modelDir, threadCount, recordDir } = this.#options.config.engine;
    const options = {
      engine: name,
      slotCount,
      simulatedStepMs,
      ...(modelDir !== undefined && { modelDir }),
      ...(threadCount !== undefined && { threadCount }),
      ...(recordDir !== undefined && { recordDir }),
    };
    const worker = await spawnInferenceWorker(options, signal);
    this.#engineInfo = worker.info;
    worker.on('died', ({ cause, detail }) => {
      died(`${cause}: ${detail}`);
      // Its successor has a socket of its own; this one's is removed.
      void worker.close();
    });
    return worker;
  }

  async #listen(): Promise<void> {
    const { config, logger, stateDir } = this.#options;
    const { httpHost, pageHosts, isTls } = this.addresses;
    const tls = isTls ? await localCertificate(stateDir, [...pageHosts, 'localhost'], new Date()) : undefined;
    const http = await createHttpApp({ pageDir: PAGE_DIR, health: () => this.health, logger, tls });
    this.#http = http;
    this.#signaling = new SignalingServer(http.server, {
      host: this.#desk,
      allowedOrigins: config.http.allowedOrigins,
      connectionsMax: config.limits.connectionsMax,
      requestsPerSecondMax: config.limits.requestsPerSecondMax,
      notLiveMsMax: config.limits.notLiveMsMax,
      onDefect: (error) => logger.error({ err: error }, 'a request failed'),
    });
    try {
      await http.listen({ host: httpHost, port: config.http.port, listenTextResolver: () => 'listening' });
    } catch (cause) {
      throw new ServerError('ADDRESS_UNAVAILABLE', `${httpHost}:${config.http.port}: ${(cause as Error).message}`, {
        cause,
      });
    }
    this.#port = (http.server.address() as { port: number }).port;
  }

  async #close(reason: EndReason): Promise<void> {
    this.#desk.drain();
    await this.#signaling?.close(reason);
    await this.#http?.close();
    // Media first: it says goodbye to the slots of its calls.
    await this.#media.close();
    await this.#engine.close();
  }
}
