import type { Socket } from 'socket.io';
import type { CallHost, CallObserver, PlacedCall } from './call-host.ts';
import { type CallFacts, stateOf, timeoutReasonOf } from './call-state.ts';
import { SignalingError } from './errors.ts';
import type { CallState, ClientToServerEvents, EndReason, RequestOf, ServerToClientEvents } from './protocol.ts';
import { PROTOCOL_VERSION } from './protocol.ts';
import { wireErrorOf } from './request-gate.ts';

export type SignalingSocket = Socket<ClientToServerEvents, ServerToClientEvents>;

export interface CallSignalingOptions {
  readonly host: CallHost;
  /** A call that has not been live for this long is ended. */
  readonly notLiveMsMax: number;
  /** Told of what is no client's fault, for the log. */
  readonly onDefect: (error: unknown) => void;
}

/**
 * One call of one connection, from `join` to `ended`: checks the order of its requests, asks the host, and tells the
 * client. Requests reach it one at a time, except `hangUp` and `clientGone`, which may come while one is pending.
 */
export class CallSignaling {
  readonly #socket: SignalingSocket;
  readonly #options: CallSignalingOptions;
  #facts: CallFacts = {
    isPlaced: false,
    isEnded: false,
    wasLive: false,
    isEngineUp: true,
    isConnected: false,
    hasProducer: false,
    hasConsumer: false,
  };
  #call: PlacedCall | undefined;
  #transportIds: readonly string[] = [];
  #connectAsked = new Set<string>();
  #isMediaLost = false;
  #isReopening = false;
  /** Counts the losses, so that what was asked of lost transports is not booked to their successors. */
  #mediaLosses = 0;
  #state: CallState | undefined;
  #notLiveTimer: NodeJS.Timeout | undefined;

  constructor(socket: SignalingSocket, options: CallSignalingOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  get state(): CallState {
    return stateOf(this.#facts);
  }

  /** @throws {SignalingError} `PROTOCOL_UNSUPPORTED`, `CALL_CLOSED`, and what `CallHost.placeCall` throws */
  async join(request: RequestOf<'join'>): Promise<PlacedCall['offer']> {
    if (request.protocolVersion !== PROTOCOL_VERSION) {
      this.#stop();
      throw new SignalingError(
        'PROTOCOL_UNSUPPORTED',
        `the client speaks ${request.protocolVersion}, the server ${PROTOCOL_VERSION}`,
      );
    }
    this.#update({});
    let call: PlacedCall;
    try {
      call = await this.#options.host.placeCall(this.#observer());
    } catch (error) {
      // The answer tells it: there never was a call, so `ended` would be one too many.
      this.#stop();
      throw error;
    }
    if (this.#facts.isEnded) {
      await call.close('client-gone');
      throw new SignalingError('CALL_CLOSED', 'the call ended while it was being placed');
    }
    this.#call = call;
    this.#transportIds = [call.offer.sendTransport.id, call.offer.recvTransport.id];
    this.#update({ isPlaced: true });
    return call.offer;
  }

  async connectTransport(request: RequestOf<'transport:connect'>): Promise<Record<string, never>> {
    const call = this.#openCall();
    this.#checkTransport(request.transportId);
    if (this.#connectAsked.has(request.transportId)) throw outOfOrder('this transport was connected before');
    this.#connectAsked.add(request.transportId);
    await call.connectTransport(request);
    return {};
  }

  async produce(request: RequestOf<'produce'>): ReturnType<PlacedCall['produce']> {
    const call = this.#openCall();
    this.#checkTransport(request.transportId);
    if (this.#facts.hasProducer) throw outOfOrder('the microphone was announced before');
    const losses = this.#mediaLosses;
    const value = await call.produce(request);
    this.#checkMediaKept(losses);
    this.#update({ hasProducer: true });
    return value;
  }

  async consume(request: RequestOf<'consume'>): ReturnType<PlacedCall['consume']> {
    const call = this.#openCall();
    if (this.#isMediaLost) throw new SignalingError('MEDIA_LOST', 'the transports are gone');
    if (this.#facts.hasConsumer) throw outOfOrder("the model's stream was asked for before");
    const losses = this.#mediaLosses;
    const value = await call.consume(request);
    this.#checkMediaKept(losses);
    this.#update({ hasConsumer: true });
    return value;
  }

  async rejoin(): ReturnType<PlacedCall['reopenMedia']> {
    const call = this.#openCall();
    if (!this.#isMediaLost) throw outOfOrder('the transports are not lost');
    const losses = this.#mediaLosses;
    this.#isReopening = true;
    let offer: Awaited<ReturnType<PlacedCall['reopenMedia']>>;
    try {
      offer = await call.reopenMedia();
    } finally {
      this.#isReopening = false;
    }
    this.#checkMediaKept(losses);
    this.#isMediaLost = false;
    this.#transportIds = [offer.sendTransport.id, offer.recvTransport.id];
    return offer;
  }

  /** Ends the call at its client's request, also while it is being placed. */
  hangUp(): void {
    this.#end('hung-up');
  }

  /** Ends the call from outside: its connection is gone, or the server closes. Idempotent. */
  close(reason: EndReason): void {
    this.#end(reason);
  }

  #observer(): CallObserver {
    const unlessEnded = (act: () => void): void => {
      if (!this.#facts.isEnded) act();
    };
    return {
      mediaConnected: () => unlessEnded(() => this.#update({ isConnected: true })),
      mediaLost: () => unlessEnded(() => this.#loseMedia()),
      engineLost: (error) =>
        unlessEnded(() => {
          this.#socket.emit('fault', { error: wireErrorOf(error) });
          this.#update({ isEngineUp: false });
        }),
      engineRestored: () => unlessEnded(() => this.#update({ isEngineUp: true })),
      text: (payload) => unlessEnded(() => this.#socket.emit('text', payload)),
      heard: (payload) => unlessEnded(() => this.#socket.emit('heard', payload)),
      latency: (payload) => unlessEnded(() => this.#socket.emit('latency', payload)),
      levels: (payload) => unlessEnded(() => this.#socket.volatile.emit('levels', payload)),
      ended: (reason, error) => this.#end(reason, error),
    };
  }

  #loseMedia(): void {
    // Both transports fail one after the other: the second adds nothing, unless it is one of the new ones.
    if (this.#isMediaLost && !this.#isReopening) return;
    this.#mediaLosses += 1;
    this.#isMediaLost = true;
    this.#connectAsked.clear();
    this.#update({ isConnected: false, hasProducer: false, hasConsumer: false });
    this.#socket.emit('mediaLost', {});
  }

  #openCall(): PlacedCall {
    if (this.#facts.isEnded) throw new SignalingError('CALL_CLOSED', 'the call is over');
    if (!this.#call) throw outOfOrder('the call is not placed yet');
    return this.#call;
  }

  #checkTransport(id: string): void {
    if (this.#isMediaLost) throw new SignalingError('MEDIA_LOST', 'the transports are gone');
    if (!this.#transportIds.includes(id)) throw new SignalingError('TRANSPORT_UNKNOWN', JSON.stringify(id));
  }

  #checkMediaKept(lossesBefore: number): void {
    if (this.#facts.isEnded) throw new SignalingError('CALL_CLOSED', 'the call is over');
    if (this.#mediaLosses !== lossesBefore) throw new SignalingError('MEDIA_LOST', 'the transports are gone');
  }

  #update(change: Partial<CallFacts>): void {
    this.#facts = { ...this.#facts, ...change };
    const state = stateOf(this.#facts);
    if (state === 'live') this.#facts = { ...this.#facts, wasLive: true };
    if (state === this.#state) return;
    this.#state = state;
    this.#socket.emit('state', { state });
    this.#guardState(state);
  }

  #guardState(state: CallState): void {
    if (state === 'live' || state === 'ended') {
      clearTimeout(this.#notLiveTimer);
      this.#notLiveTimer = undefined;
      return;
    }
    // One limit over all states before `live`, so that a call cannot wander between them for ever.
    this.#notLiveTimer ??= setTimeout(() => {
      this.#end(timeoutReasonOf(this.#facts));
    }, this.#options.notLiveMsMax);
  }

  #end(reason: EndReason, error?: SignalingError): void {
    if (this.#facts.isEnded) return;
    this.#update({ isEnded: true });
    this.#socket.emit('ended', error ? { reason, error: wireErrorOf(error) } : { reason });
    this.#call?.close(reason).catch(this.#options.onDefect);
  }

  #stop(): void {
    clearTimeout(this.#notLiveTimer);
    this.#facts = { ...this.#facts, isEnded: true };
  }
}

function outOfOrder(detail: string): SignalingError {
  return new SignalingError('REQUEST_OUT_OF_ORDER', detail);
}
