import type { types } from 'mediasoup';

export interface ListenAddress {
  /** Address to bind, such as 127.0.0.1 or 0.0.0.0. */
  readonly ip: string;
  /** What ICE candidates announce instead of `ip`; needed with 0.0.0.0 and behind NAT. */
  readonly announcedAddress?: string;
}

export interface MediaNodeOptions {
  /** Path of mediasoup-worker; absent: the one in the npm package. */
  readonly workerBin?: string;
  /** Every address is bound over UDP and TCP, at `port`. */
  readonly listen: readonly ListenAddress[];
  /** The one port of all calls; 0 takes a free one per address and protocol. */
  readonly port: number;
  /** Path or name of libopus; absent: `libopus.so.0` and its usual names elsewhere. */
  readonly opusLibraryPath?: string;
}

/** What a client needs to make one transport, plain JSON: hand it to mediasoup-client as it is. */
export interface TransportParams {
  readonly id: string;
  readonly iceParameters: types.IceParameters;
  readonly iceCandidates: types.IceCandidate[];
  readonly dtlsParameters: types.DtlsParameters;
}

/** Answer to a join: plain JSON. */
export interface JoinParams {
  readonly routerRtpCapabilities: types.RtpCapabilities;
  /** For the caller's microphone. */
  readonly sendTransport: TransportParams;
  /** For the peer's voice. */
  readonly recvTransport: TransportParams;
}

/** Answer to consume: plain JSON, as mediasoup-client's `recvTransport.consume()` wants it. */
export interface ConsumerParams {
  readonly id: string;
  readonly producerId: string;
  readonly kind: 'audio';
  readonly rtpParameters: types.RtpParameters;
}
