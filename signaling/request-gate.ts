import type { z } from 'zod';
import { SIGNALING_ERRORS, SignalingError } from './errors.ts';
import { REQUEST_BYTES_MAX, REQUESTS, type RequestName, type WireError } from './protocol.ts';

const ISSUES_TOLD_MAX = 5;
const DETAIL_CHARACTERS_MAX = 500;

/** Lets `perSecond` requests a second through on average and `burst` at once. Time is an input. */
export class RequestRate {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = nowMs;
  }

  /** @throws {SignalingError} `RATE_EXCEEDED` */
  take(nowMs: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) / 1000) * this.#perSecond);
    this.#atMs = nowMs;
    if (this.#tokens < 1) throw new SignalingError('RATE_EXCEEDED', `more than ${this.#perSecond} requests a second`);
    this.#tokens -= 1;
  }
}

/**
 * @param event the event's name as it came: socket.io lets a client name one by a number too.
 * @throws {SignalingError} `REQUEST_UNKNOWN`
 */
export function requestNameOf(event: string | number): RequestName {
  // hasOwn: 'constructor' and its like are names that a client can send.
  if (Object.hasOwn(REQUESTS, event)) return event as RequestName;
  throw new SignalingError('REQUEST_UNKNOWN', JSON.stringify(String(event).slice(0, 64)));
}

/**
 * Checks a request against its schema, and its size before that.
 *
 * @throws {SignalingError} `REQUEST_TOO_LARGE`, `REQUEST_INVALID` (naming each bad path)
 */
export function parseRequest(name: RequestName, payload: unknown): unknown {
  if (!isWithin(payload, REQUEST_BYTES_MAX)) {
    throw new SignalingError('REQUEST_TOO_LARGE', `${name} of more than ${REQUEST_BYTES_MAX} bytes`);
  }
  const parsed = REQUESTS[name].request.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw new SignalingError(
    'REQUEST_INVALID',
    `${name}: ${describeIssues(parsed.error)}`.slice(0, DETAIL_CHARACTERS_MAX),
  );
}

/** @returns the error as clients are told it; a defect is told as `INTERNAL`, without its details. */
export function wireErrorOf(error: unknown): WireError {
  const known = error instanceof SignalingError ? error : new SignalingError('INTERNAL', 'the server failed');
  return { code: known.code, message: known.message, ...SIGNALING_ERRORS[known.code] };
}

function describeIssues(error: z.ZodError): string {
  const told = error.issues
    .slice(0, ISSUES_TOLD_MAX)
    .map((issue) => `${issue.path.join('.') || 'request'}: ${issue.message}`);
  const untold = error.issues.length - told.length;
  return told.join('; ') + (untold > 0 ? `; and ${untold} more` : '');
}

/** A bound on the bytes, in UTF-8, of a parsed message's contents, found without serialising it, and without recursion: nesting is the sender's. */
function isWithin(value: unknown, bytesMax: number): boolean {
  let bytes = 0;
  const pending: unknown[] = [value];
  while (pending.length > 0 && bytes <= bytesMax) {
    const next = pending.pop();
    bytes += 1;
    if (typeof next === 'string') bytes += Buffer.byteLength(next);
    else if (ArrayBuffer.isView(next)) bytes += next.byteLength;
    else if (Array.isArray(next)) pending.push(...next.slice(0, bytesMax));
    else if (next !== null && typeof next === 'object') {
      for (const [key, child] of Object.entries(next)) {
        bytes += Buffer.byteLength(key);
        pending.push(child);
      }
    }
  }
  return bytes <= bytesMax;
}
