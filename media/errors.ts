/** Every error that media/ throws, by code; docs/errors.md lists exactly these. Codes are never reused. */
export const MEDIA_ERRORS = {
  OPUS_LIBRARY_UNAVAILABLE: { retryable: false, fix: 'Install libopus (Debian: libopus0) or pass the path of it.' },
  OPUS_PACKET_INVALID: { retryable: false, fix: 'Send Opus packets as in RFC 6716 §3.' },
  OPUS_CODEC_FAILED: { retryable: false, fix: 'Report the libopus error that the message names.' },
  OPUS_CODEC_CLOSED: { retryable: false, fix: 'Create a new encoder or decoder.' },
  RTP_PACKET_INVALID: { retryable: false, fix: 'Send RTP packets as in RFC 3550 §5.1.' },
  FRAME_INVALID: { retryable: false, fix: 'Reply with 1920 finite mono samples at 24 kHz.' },
  MEDIA_WORKER_UNAVAILABLE: { retryable: true, fix: 'Wait for the event workerReplaced, then call restart().' },
  MEDIA_WORKER_START_FAILED: { retryable: false, fix: 'Check that the path is that of a mediasoup-worker.' },
  MEDIA_PORT_UNAVAILABLE: {
    retryable: false,
    fix: 'End what uses the UDP or TCP port, or choose another with --media-port.',
  },
  NODE_CLOSED: { retryable: false, fix: 'Create a new media node.' },
  CALL_EXISTS: { retryable: false, fix: 'Use an id that no open call has.' },
  CALL_CLOSED: { retryable: false, fix: 'Place a new call.' },
  CALL_INTERRUPTED: { retryable: true, fix: 'Call restart() and join again with the new transports.' },
  TRANSPORT_UNKNOWN: { retryable: false, fix: 'Use a transport id that this call returned last.' },
  TRANSPORT_REFUSED: { retryable: false, fix: 'Send valid DTLS parameters, once per transport.' },
  PRODUCE_REFUSED: { retryable: false, fix: 'Produce one audio track, with the RTP parameters of an Opus encoder.' },
  CONSUME_REFUSED: { retryable: false, fix: 'Send RTP capabilities that include audio/opus, once per call.' },
} as const;
export type MediaErrorCode = keyof typeof MEDIA_ERRORS;

export class MediaError extends Error {
  readonly code: MediaErrorCode;
  constructor(code: MediaErrorCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.name = 'MediaError';
    this.code = code;
  }
}
