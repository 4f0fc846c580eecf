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
  MODEL_NAME_INVALID: { retryable: false, fix: 'Name a repository of the hub as owner/name.' },
  MODEL_UNKNOWN: {
    retryable: false,
    fix: 'Check owner/name and --revision; a private model needs HF_TOKEN, a token that may read it.',
  },
  MODEL_GATED: {
    retryable: false,
    fix: "Accept the conditions on the model's page of the hub, and set HF_TOKEN to a token of that account.",
  },
  MODEL_INCOMPLETE: { retryable: false, fix: "Pull a repository in Kyutai's own layout: the named file is needed." },
  MODEL_NOT_PULLED: {
    retryable: false,
    fix: 'Pull it first, `npm run parley -- model pull OWNER/NAME`, or pass a directory that exists.',
  },
  MODEL_PULL_BUSY: {
    retryable: true,
    fix: 'Wait until the named process has pulled it; remove the named file if that process is none of ours.',
  },
  HUB_ENDPOINT_INVALID: {
    retryable: false,
    fix: 'Pass a URL such as https://huggingface.co to --endpoint or HF_ENDPOINT.',
  },
  HUB_TOKEN_REFUSED: { retryable: false, fix: 'Renew HF_TOKEN on the hub, or unset it: public models need none.' },
  HUB_UNREACHABLE: {
    retryable: true,
    fix: 'Check the network and --endpoint; behind a proxy set NODE_USE_ENV_PROXY=1 beside HTTPS_PROXY.',
  },
  HUB_BUSY: { retryable: true, fix: 'Wait a while, and pull again: what is there is kept.' },
  HUB_ANSWER_INVALID: {
    retryable: false,
    fix: 'Check that --endpoint or HF_ENDPOINT is the address of a hub or a mirror.',
  },
  DOWNLOAD_INTERRUPTED: { retryable: true, fix: 'Give the same command again: it goes on where it ended.' },
  DOWNLOAD_CORRUPT: {
    retryable: true,
    fix: 'Pull again: the named file was removed. If it comes wrong once more, try another --endpoint.',
  },
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
