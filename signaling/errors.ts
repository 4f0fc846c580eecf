/**
 * Every error that a client of the signaling protocol can be told, by code; docs/errors.md lists exactly these.
 * Codes are never reused.
 */
export const SIGNALING_ERRORS = {
  PROTOCOL_UNSUPPORTED: { retryable: false, fix: 'Update the client: it speaks another version of the protocol.' },
  REQUEST_UNKNOWN: { retryable: false, fix: 'Use a request that signaling/PROTOCOL.md lists.' },
  REQUEST_INVALID: { retryable: false, fix: 'Send the fields that signaling/PROTOCOL.md lists for this request.' },
  REQUEST_TOO_LARGE: { retryable: false, fix: 'Send requests of at most 16 KiB.' },
  REQUEST_OUT_OF_ORDER: { retryable: false, fix: 'Follow the order of requests in signaling/PROTOCOL.md.' },
  ACK_MISSING: { retryable: false, fix: 'Pass an acknowledgement callback with every request.' },
  RATE_EXCEEDED: { retryable: true, fix: 'Send fewer requests per second.' },
  TRANSPORT_UNKNOWN: { retryable: false, fix: 'Use a transport id from the latest join or rejoin.' },
  MEDIA_REFUSED: { retryable: false, fix: 'Offer Opus at 48 kHz, as routerRtpCapabilities states.' },
  CALL_CLOSED: { retryable: false, fix: 'Join again to place a new call.' },
  NO_CAPACITY: { retryable: true, fix: 'Every slot is taken: try again when another call has ended.' },
  SERVER_DRAINING: { retryable: true, fix: 'This server is shutting down: try again shortly.' },
  MEDIA_LOST: { retryable: true, fix: 'The media worker is being replaced: rejoin when told to, or call again.' },
  ENGINE_LOST: { retryable: true, fix: 'The inference worker is being replaced: wait, or call again.' },
  ENGINE_FAULT: { retryable: true, fix: 'The model gave numbers that are not finite: call again.' },
  INTERNAL: { retryable: true, fix: 'This is a defect of the server: its log names it by call id.' },
} as const;
export type SignalingErrorCode = keyof typeof SIGNALING_ERRORS;

export class SignalingError extends Error {
  readonly code: SignalingErrorCode;
  constructor(code: SignalingErrorCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.name = 'SignalingError';
    this.code = code;
  }
}
