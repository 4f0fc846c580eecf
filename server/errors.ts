/** Errors of the server itself, told to its operator, by code; docs/errors.md lists exactly these. Never reused. */
export const SERVER_ERRORS = {
  CONFIG_UNREADABLE: { retryable: false, fix: 'Pass the path of a JSON file that exists and can be read.' },
  CONFIG_INVALID: { retryable: false, fix: 'Correct the named paths; `node server/main.ts validate FILE` checks.' },
  ACCESS_UNAVAILABLE: { retryable: false, fix: 'Use `access: open`: this version has no accounts yet.' },
  ACCESS_PUBLIC_REFUSED: {
    retryable: false,
    fix: 'Bind a private address with --host, or pass --allow-public to let anyone who reaches it call.',
  },
  ADDRESS_UNAVAILABLE: { retryable: false, fix: 'End what uses the port, or choose another with --port.' },
  PAGE_NOT_BUILT: { retryable: false, fix: 'Start the server with `npm start`, which builds the page.' },
  ROUTE_UNKNOWN: { retryable: false, fix: 'Use a path that this server serves: /, /healthz and /socket.io/.' },
  HTTP_REQUEST_INVALID: { retryable: false, fix: 'Send a request that the path accepts.' },
  MEDIA_PROCESS_FAILED: { retryable: true, fix: 'Read what the media process wrote to stderr; it is started again.' },
  RPC_INVALID: { retryable: false, fix: 'Run server and media process from the same release.' },
  RPC_TIMEOUT: { retryable: true, fix: 'The media process did not answer in time: it may be overloaded.' },
  WAV_UNREADABLE: { retryable: false, fix: 'Pass the path of a WAV file that exists and can be read.' },
  WAV_INVALID: { retryable: false, fix: 'Pass a whole WAV file, 1 to 192 kHz, of PCM, floats, A-law or mu-law.' },
  WAV_UNWRITABLE: { retryable: false, fix: 'Pass a path in a directory that exists and can be written to.' },
  CALL_NOT_FINITE: { retryable: false, fix: 'Use another checkpoint: the numbers of this one grow beyond all bounds.' },
} as const;
export type ServerErrorCode = keyof typeof SERVER_ERRORS;

export class ServerError extends Error {
  readonly code: ServerErrorCode;
  constructor(code: ServerErrorCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.name = 'ServerError';
    this.code = code;
  }
}
