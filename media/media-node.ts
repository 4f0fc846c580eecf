import { EventEmitter } from 'node:events';
import { MediaError } from './errors.ts';
import { MediaCall, type MediaCallOptions } from './media-call.ts';
import type { MediaNodeOptions } from './mediasoup/media-node-options.ts';
import { MediaRouter } from './mediasoup/media-router.ts';
import { Scheduler } from './scheduler.ts';

export type MediaNodeCloseReason = 'server-shutdown' | 'worker-failed';

export type MediaNodeEvents = {
  /** mediasoup's worker ended unasked; every call has been told by `interrupted`. */
  workerDied: [];
  /** Calls can be restarted. */
  workerReplaced: [startedInMs: number];
  /** Fires once. `worker-failed`: mediasoup's worker could not be replaced. */
  closed: [reason: MediaNodeCloseReason];
};

/** The media of this process: one mediasoup worker, one port, one timer, many calls. */
export class MediaNode extends EventEmitter<MediaNodeEvents> implements AsyncDisposable {
  readonly #options: MediaNodeOptions;
  readonly #router: MediaRouter;
  readonly #scheduler = new Scheduler();
  readonly #calls = new Map<string, MediaCall>();
  /** Ids whose call is being made. */
  readonly #pending = new Set<string>();
  #closing: Promise<void> | undefined;

  private constructor(options: MediaNodeOptions, router: MediaRouter) {
    super();
    this.#options = options;
    this.#router = router;
    router.on('workerDied', () => {
      for (const call of this.#calls.values()) call.workerDied();
      this.emit('workerDied');
    });
    router.on('workerReplaced', (startedInMs) => this.emit('workerReplaced', startedInMs));
    router.on('failed', () => this.close('worker-failed'));
  }

  /** @throws {MediaError} `MEDIA_WORKER_START_FAILED`, `MEDIA_PORT_UNAVAILABLE` */
  static async create(options: MediaNodeOptions): Promise<MediaNode> {
    return new MediaNode(options, await MediaRouter.create(options));
  }

  get callCount(): number {
    return this.#calls.size;
  }

  /** Process id of mediasoup's worker; undefined while it is being replaced. */
  get workerPid(): number | undefined {
    return this.#router.workerPid;
  }

  /** @throws {MediaError} `NODE_CLOSED`, `CALL_EXISTS`, `MEDIA_WORKER_UNAVAILABLE`, `OPUS_LIBRARY_UNAVAILABLE` */
  async createCall(options: MediaCallOptions): Promise<MediaCall> {
    const { id } = options;
    this.#demandOpen();
    if (this.#calls.has(id) || this.#pending.has(id)) throw new MediaError('CALL_EXISTS', id);
    this.#pending.add(id);
    try {
      const { opusLibraryPath } = this.#options;
      const call = await MediaCall.create(
        { router: this.#router, scheduler: this.#scheduler, opusLibraryPath },
        options,
      );
      if (this.#closing) {
        await call.close('node-closed');
        this.#demandOpen();
      }
      this.#calls.set(id, call);
      call.once('closed', () => this.#calls.delete(id));
      return call;
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Closes every call, then mediasoup. Idempotent. */
  close(reason: MediaNodeCloseReason = 'server-shutdown'): Promise<void> {
    this.#closing ??= Promise.resolve().then(async () => {
      await Promise.all([...this.#calls.values()].map((call) => call.close('node-closed')));
      this.#scheduler.close();
      this.#router.close();
      this.emit('closed', reason);
      this.removeAllListeners();
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #demandOpen(): void {
    if (this.#closing) throw new MediaError('NODE_CLOSED', 'the media node');
  }
}
