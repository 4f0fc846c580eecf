import { STATUS_CODES } from 'node:http';
import { SERVER_ERRORS, type ServerErrorCode } from '../errors.ts';

/** The body of every HTTP error: RFC 9457, with our code beside it. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly code: ServerErrorCode;
  readonly detail: string;
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** @returns the document for an error of this code. Nothing that the client sent is repeated in it. */
export function problemOf(code: ServerErrorCode, status: number): Problem {
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code,
    detail: SERVER_ERRORS[code].fix,
  };
}
