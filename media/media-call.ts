import { randomInt } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { types } from 'mediasoup';
import { CallPipeline } from './call-pipeline.ts';
import type { CallStats } from './call-stats.ts';
import { MediaError } from './errors.ts';
import type { FramePeer } from './frames/frame-peer.ts';
import { CallTransports } from './mediasoup/call-transports.ts';
import type { ConsumerParams, JoinParams } from './mediasoup/media-node-options.ts';
import type { MediaRouter } from './mediasoup/media-router.ts';
import { OpusDecoder } from './opus/opus-decoder.ts';
import { OpusEncoder } from './opus/opus-encoder.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';

const PAYLOAD_TYPE = 111;

/** `defect`: its pipeline threw, which `failed` told before. */
export type CallCloseReason = 'client-left' | 'node-closed' | 'defect';

export type MediaCallEvents = {
  /** Both transports are up. */
  connected: [];
  disconnected: [];
  /** The caller's first packet is here. */
  audioStarted: [];
  /** mediasoup's worker died: join again after the node's `workerReplaced`. */
  interrupted: [];
  /** The first packet after an interruption is here. */
  restored: [];
  /** The peer refused a frame; the call goes on. */
  peerFailed: [error: unknown];
  /** The call threw where nothing may throw, and is closed by that; the other calls go on. */
  failed: [error: unknown];
  closed: [reason: CallCloseReason];
};

export interface MediaCallOptions {
  readonly id: string;
  readonly framePeer: FramePeer;
}

/** What a call needs of its node. */
export interface MediaCallHome {
  readonly router: MediaRouter;
  readonly scheduler: Scheduler;
  readonly opusLibraryPath: string | undefined;
}

/** One call's media: its transports, which die with mediasoup's worker, and its pipeline, which does not. */
export class MediaCall extends EventEmitter<MediaCallEvents> implements Scheduled, AsyncDisposable {
  readonly id: string;
  readonly #home: MediaCallHome;
  readonly #ssrc = randomInt(1, 2 ** 32);
  readonly #encoder: OpusEncoder;
  readonly #decoder: OpusDecoder;
  readonly #pipeline: CallPipeline;
  #transports: CallTransports | undefined;
  #hasAudio = false;
  #isInterrupted = false;
  #closing: Promise<void> | undefined;

  private constructor(home: MediaCallHome, { id, framePeer }: MediaCallOptions) {
    super();
    this.id = id;
    this.#home = home;
    const libraryPath = home.opusLibraryPath;
    this.#encoder = new OpusEncoder(libraryPath === undefined ? {} : { libraryPath });
    this.#decoder = new OpusDecoder(libraryPath);
    this.#pipeline = new CallPipeline({
      encoder: this.#encoder,
      decoder: this.#decoder,
      ssrc: this.#ssrc,
      payloadType: PAYLOAD_TYPE,
      firstSequence: randomInt(2 ** 16),
      firstTimestamp: randomInt(2 ** 32),
    });
    this.#pipeline.setPeer(framePeer, performance.now());
  }

  /** @throws {MediaError} `MEDIA_WORKER_UNAVAILABLE`, `OPUS_LIBRARY_UNAVAILABLE` */
  static async create(home: MediaCallHome, options: MediaCallOptions): Promise<MediaCall> {
    const call = new MediaCall(home, options);
    try {
      await call.#createTransports();
    } catch (error) {
      call.#freeCodecs();
      throw error;
    }
    home.scheduler.add(call);
    // Where its first poll failed, it is closed already.
    if (call.#closing) {
      await call.#closing;
      call.#demandOpen();
    }
    return call;
  }

  /** @throws {MediaError} `CALL_CLOSED`, `CALL_INTERRUPTED` */
  join(): JoinParams {
    return this.#live().join();
  }

  /** @throws {MediaError} as `join`, and `TRANSPORT_UNKNOWN`, `TRANSPORT_REFUSED` */
  async connectTransport(transportId: string, dtlsParameters: types.DtlsParameters): Promise<void> {
    await this.#live().connect(transportId, dtlsParameters);
  }

  /** @throws {MediaError} as `join`, and `TRANSPORT_UNKNOWN`, `PRODUCE_REFUSED` */
  async produce(request: {
    readonly transportId: string;
    readonly rtpParameters: types.RtpParameters;
  }): Promise<{ producerId: string }> {
    return this.#live().produce(request.transportId, request.rtpParameters);
  }

  /** @throws {MediaError} as `join`, and `CONSUME_REFUSED` */
  async consume(request: { readonly rtpCapabilities: types.RtpCapabilities }): Promise<ConsumerParams> {
    return this.#live().consume(request.rtpCapabilities);
  }

  /** Makes new transports for the client to join. @throws {MediaError} `CALL_CLOSED`, `MEDIA_WORKER_UNAVAILABLE` */
  async restart(): Promise<JoinParams> {
    this.#demandOpen();
    this.#isInterrupted = true;
    this.#transports?.close();
    this.#transports = undefined;
    await this.#createTransports();
    return this.join();
  }

  stats(): CallStats {
    return this.#pipeline.stats();
  }

  /** Another peer answers from now on; undefined: silence. */
  setFramePeer(peer: FramePeer | undefined): void {
    this.#demandOpen();
    this.#pipeline.setPeer(peer, performance.now());
    this.#home.scheduler.wake(this);
  }

  /** @param pcm 1920 samples, kept until they are sent. @throws {MediaError} `CALL_CLOSED`, `FRAME_INVALID` */
  handleReply(tickIndex: number, pcm: Float32Array): void {
    this.#demandOpen();
    this.#pipeline.handleReply(tickIndex, pcm, performance.now());
    this.#home.scheduler.wake(this);
  }

  /** For the scheduler. */
  poll(nowMs: number): number {
    for (;;) {
      const output = this.#pipeline.pollOutput(nowMs);
      if (output.kind === 'idle') return output.wakeAtMs;
      if (output.kind === 'packet') this.#transports?.sendPacket(Buffer.from(output.bytes.buffer));
      else this.#sendFrame(output.peer, output.tickIndex, output.pcm);
    }
  }

  /** For the scheduler. */
  pollFailed(error: unknown): void {
    this.emit('failed', error);
    void this.close('defect');
  }

  /** Told by the node: every transport is gone. */
  workerDied(): void {
    if (this.#closing || !this.#transports) return;
    this.#transports.close();
    this.#transports = undefined;
    this.#isInterrupted = true;
    this.emit('interrupted');
  }

  /** Idempotent: later calls join the first, whose reason wins. The peer's slot is for its owner to give back. */
  close(reason: CallCloseReason): Promise<void> {
    this.#closing ??= Promise.resolve().then(() => {
      this.#home.scheduler.remove(this);
      this.#transports?.close();
      this.#transports = undefined;
      this.#freeCodecs();
      this.emit('closed', reason);
      this.removeAllListeners();
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close('node-closed');
  }

  async #createTransports(): Promise<void> {
    const transports = await CallTransports.create(this.#home.router, this.#ssrc);
    // Closed meanwhile: nobody would close these.
    if (this.#closing) {
      transports.close();
      this.#demandOpen();
    }
    transports.on('packet', (packet) => this.#handlePacket(packet));
    transports.on('connected', () => this.emit('connected'));
    transports.on('disconnected', () => this.emit('disconnected'));
    this.#transports = transports;
  }

  #handlePacket(packet: Buffer): void {
    if (this.#closing || !this.#pipeline.handlePacket(packet, performance.now())) return;
    if (!this.#hasAudio) this.emit('audioStarted');
    else if (this.#isInterrupted) this.emit('restored');
    this.#hasAudio = true;
    this.#isInterrupted = false;
  }

  #sendFrame(peer: FramePeer, tickIndex: number, pcm: Float32Array): void {
    try {
      peer.sendFrame(tickIndex, pcm);
    } catch (error) {
      this.emit('peerFailed', error);
    }
  }

  #live(): CallTransports {
    this.#demandOpen();
    if (!this.#transports) throw new MediaError('CALL_INTERRUPTED', `call ${this.id}`);
    return this.#transports;
  }

  #demandOpen(): void {
    if (this.#closing) throw new MediaError('CALL_CLOSED', `call ${this.id}`);
  }

  #freeCodecs(): void {
    this.#encoder.close();
    this.#decoder.close();
  }
}
