import type { SignalingErrorCode, WireError } from '../signaling/index.ts';

/**
 * Every error that arises in the client itself, by code. What the server says keeps the server's own code.
 * Codes are never reused.
 */
export const CLIENT_ERRORS = {
  INSECURE_PAGE: {
    retryable: false,
    fix: 'Open the page over https, or on this same machine as http://localhost: browsers give no microphone elsewhere.',
  },
  BROWSER_UNSUPPORTED: { retryable: false, fix: 'Use a current Chrome, Edge, Firefox or Safari.' },
  NO_MICROPHONE: { retryable: true, fix: 'Connect a microphone, or choose another one, and call again.' },
  MICROPHONE_DENIED: {
    retryable: true,
    fix: 'Allow the microphone for this page in the browser’s site settings, and call again.',
  },
  MICROPHONE_BUSY: { retryable: true, fix: 'Close the program that holds the microphone, and call again.' },
  PLAYBACK_BLOCKED: { retryable: true, fix: 'Call resumeAudio() from a click: the browser wants one before sound.' },
  SERVER_GONE: { retryable: true, fix: 'Check that the server runs and that this machine reaches it, and call again.' },
  SERVER_REFUSED: {
    retryable: true,
    fix: 'Call again later: too many are connected. Or add the page’s origin to those that the server allows.',
  },
  MEDIA_UNREACHABLE: {
    retryable: true,
    fix: 'Check that the server’s media port is open to this network, for UDP or TCP, and call again.',
  },
  CALL_CANCELLED: { retryable: true, fix: 'Place a new call.' },
} as const;
export type ClientErrorCode = keyof typeof CLIENT_ERRORS;
export type CallErrorCode = ClientErrorCode | SignalingErrorCode;

/** What a call failed of: match `code`, show `fix`. */
export class CallError extends Error {
  readonly code: CallErrorCode;
  /** True where the same call can succeed later. */
  readonly retryable: boolean;
  /** What the person can do about it, one sentence. */
  readonly fix: string;

  constructor(code: ClientErrorCode | WireError, detail?: string, options?: ErrorOptions) {
    const wire = typeof code === 'string' ? { code, message: `${code}: ${detail}`, ...CLIENT_ERRORS[code] } : code;
    super(wire.message, options);
    this.name = 'CallError';
    this.code = wire.code;
    this.retryable = wire.retryable;
    this.fix = wire.fix;
  }
}

/** @returns the error itself where it is typed already, and otherwise a CallError of that code around it. */
export function asCallError(error: unknown, code: ClientErrorCode): CallError {
  if (error instanceof CallError) return error;
  return new CallError(code, error instanceof Error ? error.message : String(error), { cause: error });
}
