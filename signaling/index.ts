export * from './errors.ts';
export * from './protocol.ts';
export type { DtlsParameters, RtpCapabilities, RtpParameters, TransportOffer } from './rtp.ts';
