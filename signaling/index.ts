export type { CallHost, CallObserver, PlacedCall } from './call-host.ts';
export * from './errors.ts';
export * from './protocol.ts';
export type { DtlsParameters, RtpParameters, TransportOffer } from './rtp.ts';
export { SignalingServer, type SignalingServerOptions } from './signaling-server.ts';
