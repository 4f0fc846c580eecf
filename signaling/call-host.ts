import type { SignalingError } from './errors.ts';
import type { EndReason, EventOf, MediaOffer, RequestOf, ValueOf } from './protocol.ts';

/** What the server does for signaling. Everything that it rejects with is a `SignalingError`, or a defect. */
export interface CallHost {
  /**
   * Reserves a slot and opens the call's media. The observer may be told things before this resolves.
   *
   * @throws {SignalingError} `NO_CAPACITY`, `SERVER_DRAINING`, `MEDIA_LOST`, `ENGINE_LOST`
   */
  placeCall(observer: CallObserver): Promise<PlacedCall>;
}

/** One placed call, for the requests of its client. */
export interface PlacedCall {
  readonly offer: ValueOf<'join'>;
  /** @throws {SignalingError} `TRANSPORT_UNKNOWN`, `MEDIA_REFUSED`, `MEDIA_LOST` */
  connectTransport(request: RequestOf<'transport:connect'>): Promise<void>;
  /** @throws {SignalingError} `TRANSPORT_UNKNOWN`, `MEDIA_REFUSED`, `MEDIA_LOST` */
  produce(request: RequestOf<'produce'>): Promise<ValueOf<'produce'>>;
  /** @throws {SignalingError} `MEDIA_REFUSED`, `MEDIA_LOST` */
  consume(request: RequestOf<'consume'>): Promise<ValueOf<'consume'>>;
  /** Closes what is left of the old transports and opens new ones. @throws {SignalingError} `MEDIA_LOST` */
  reopenMedia(): Promise<MediaOffer>;
  /** Asked for by signaling; idempotent. The observer is told nothing afterwards. */
  close(reason: EndReason): Promise<void>;
}

/** What the server tells signaling about a placed call. After `ended` nothing else is told. */
export interface CallObserver {
  /** Both transports of the latest offer are connected. */
  mediaConnected(): void;
  /** The transports are gone; `reopenMedia` works from now on. */
  mediaLost(): void;
  /** The engine stopped answering this call. */
  engineLost(error: SignalingError): void;
  /** A fresh slot answers this call. */
  engineRestored(): void;
  text(payload: EventOf<'text'>): void;
  heard(payload: EventOf<'heard'>): void;
  latency(payload: EventOf<'latency'>): void;
  levels(payload: EventOf<'levels'>): void;
  ended(reason: EndReason, error?: SignalingError): void;
}
