import { randomBytes, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { EngineInfo } from '../../inference/index.ts';
import {
  type CallHost,
  type CallObserver,
  type EngineSummary,
  type PlacedCall,
  SignalingError,
} from '../../signaling/index.ts';
import { ServerError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { NoticeEvents, RpcClient } from '../media-process/rpc-client.ts';
import { toldToClient } from './signaling-errors.ts';

/** Where calls are placed now; undefined while it is being replaced. */
export interface CallPlaces {
  readonly media: () => RpcClient | undefined;
  readonly engine: () => EngineInfo | undefined;
}

export type CallDeskEvents = {
  /** The last call ended. */
  emptied: [];
};

const END_REASONS = {
  ENGINE_FAULT: 'engine-fault',
  ENGINE_LOST: 'engine-lost',
  MEDIA_LOST: 'media-lost',
  INTERNAL: 'internal-error',
} as const;

/** Every notice but the one that concerns no call in particular. */
type CallNotice = Exclude<keyof NoticeEvents, 'engineLinkClosed'>;

interface DeskCall {
  readonly observer: CallObserver;
  readonly media: RpcClient;
}

/** Places calls in the media process on behalf of signaling, and passes on what it tells about them. */
export class CallDesk extends EventEmitter<CallDeskEvents> implements CallHost {
  readonly #places: CallPlaces;
  readonly #logger: Logger;
  readonly #calls = new Map<string, DeskCall>();
  #isDraining = false;

  constructor(places: CallPlaces, logger: Logger) {
    super();
    this.#places = places;
    this.#logger = logger;
  }

  get callCount(): number {
    return this.#calls.size;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** From now on calls are refused; those that are live go on. */
  drain(): void {
    this.#isDraining = true;
  }

  /** @throws {SignalingError} `SERVER_DRAINING`, `MEDIA_LOST`, `ENGINE_LOST`, `NO_CAPACITY` */
  async placeCall(observer: CallObserver): Promise<PlacedCall> {
    if (this.#isDraining) throw new SignalingError('SERVER_DRAINING', 'no new calls');
    const [media, engine] = [this.#places.media(), this.#places.engine()];
    if (!media) throw new SignalingError('MEDIA_LOST', 'the media process is being replaced');
    if (!engine) throw new SignalingError('ENGINE_LOST', 'the inference worker is being replaced');
    const callId = randomUUID();
    // Booked before it is opened, so that notices of a call that is being opened find their observer.
    this.#calls.set(callId, { observer, media });
    try {
      const seed = randomBytes(8).readBigUInt64LE().toString();
      const offer = await media.ask('openCall', { callId, seed });
      this.#logger.info({ callId, calls: this.#calls.size }, 'call placed');
      return this.#placedCall(callId, media, { ...offer, iceServers: [], callId, engine: summaryOf(engine) });
    } catch (error) {
      this.#remove(callId);
      if (error instanceof ServerError) this.#abandon(callId, media);
      throw toldToClient(error);
    }
  }

  /** Passes the notices of a media process on to its calls. */
  listen(media: RpcClient): void {
    const on = <N extends CallNotice>(
      notice: N,
      tell: (observer: CallObserver, payload: NoticeEvents[N][0]) => void,
    ): void => {
      const pass = (payload: NoticeEvents[N][0]): void => {
        // A call that closed meanwhile has nobody to tell.
        const call = this.#calls.get(payload.callId);
        if (call) tell(call.observer, payload);
      };
      media.on(notice, pass as never);
    };
    on('mediaConnected', (observer) => observer.mediaConnected());
    on('mediaLost', (observer) => observer.mediaLost());
    on('engineLost', (observer) => {
      observer.engineLost(new SignalingError('ENGINE_LOST', 'the inference worker ended'));
    });
    on('engineRestored', (observer) => observer.engineRestored());
    on('callFailed', (observer, { callId, code }) => {
      this.#logger.error({ callId, code }, 'call failed');
      observer.ended(END_REASONS[code], new SignalingError(code, 'the call cannot go on'));
    });
    on('text', (observer, { callId: _, ...payload }) => observer.text(payload));
    on('heard', (observer, { callId: _, ...payload }) => observer.heard(payload));
    on('levels', (observer, { callId: _, ...payload }) => observer.levels(payload));
    on('latency', (observer, { callId: _, ...payload }) => observer.latency(payload));
  }

  /** Ends the calls of a media process that died. */
  mediaDied(media: RpcClient): void {
    for (const [callId, call] of [...this.#calls]) {
      if (call.media !== media) continue;
      this.#remove(callId);
      call.observer.ended('media-lost', new SignalingError('MEDIA_LOST', 'the media process ended'));
    }
  }

  #placedCall(callId: string, media: RpcClient, offer: PlacedCall['offer']): PlacedCall {
    const told = <Value>(answer: Promise<Value>): Promise<Value> =>
      answer.catch((error: unknown) => {
        throw toldToClient(error);
      });
    return {
      offer,
      connectTransport: async (request) => {
        await told(media.ask('connectTransport', { callId, ...request }));
      },
      produce: (request) => told(media.ask('produce', { callId, ...request })),
      consume: (request) => told(media.ask('consume', { callId, ...request })),
      reopenMedia: async () => ({ ...(await told(media.ask('restartCall', { callId }))), iceServers: [] }),
      close: async (reason) => {
        if (!this.#calls.has(callId)) return;
        this.#remove(callId);
        this.#logger.info({ callId, reason, calls: this.#calls.size }, 'call ended');
        await media.ask('closeCall', { callId });
      },
    };
  }

  /** No answer, or none that can be read: the media process may have opened the call, or yet open it, for nobody. */
  #abandon(callId: string, media: RpcClient): void {
    media.ask('closeCall', { callId }).catch((error: unknown) => {
      // What was asked is with the media process all the same, unless that ends, and its calls with it.
      this.#logger.warn({ callId, err: error }, 'no answer over a call that was given up');
    });
  }

  #remove(callId: string): void {
    if (this.#calls.delete(callId) && this.#calls.size === 0) this.emit('emptied');
  }
}

function summaryOf({ name, isUntrained, checkpointHash }: EngineInfo): EngineSummary {
  return { name, isUntrained, checkpointHash };
}
