import { INFERENCE_ERRORS } from '../inference/index.ts';
import { MEDIA_ERRORS } from '../media/index.ts';
import { CLIENT_ERRORS } from '../sdk/errors.ts';
import { SIGNALING_ERRORS } from '../signaling/index.ts';
import { SERVER_ERRORS } from './errors.ts';

interface ErrorEntry {
  readonly retryable: boolean;
  readonly fix: string;
}

/** Every error code of the product, by the folder that throws it. */
const CATALOGUE: readonly { title: string; about: string; errors: Readonly<Record<string, ErrorEntry>> }[] = [
  { title: 'signaling', about: 'Told to the clients of calls.', errors: SIGNALING_ERRORS },
  { title: 'sdk', about: 'Arise in the client of a call itself.', errors: CLIENT_ERRORS },
  { title: 'server', about: 'Told to the operator, and in problem documents over HTTP.', errors: SERVER_ERRORS },
  { title: 'media', about: 'Thrown by media/.', errors: MEDIA_ERRORS },
  { title: 'inference', about: 'Thrown by inference/ and spoken on the worker link.', errors: INFERENCE_ERRORS },
];

/** @returns what to do about an error of ours, or undefined for one that is not. */
export function fixOf(code: string): string | undefined {
  return CATALOGUE.map(({ errors }) => errors[code]).find((entry) => entry !== undefined)?.fix;
}

/** @returns docs/errors.md, which `npm run docs:errors` writes. */
export function describeErrors(): string {
  const sections = CATALOGUE.map(({ title, about, errors }) =>
    [
      `## ${title}`,
      about,
      Object.entries(errors)
        .map(([code, { retryable, fix }]) => `- \`${code}\`${retryable ? ' (retryable)' : ''}: ${fix}`)
        .join('\n'),
    ].join('\n\n'),
  );
  return `${[
    '<!-- Generated from the error tables of each folder by `npm run docs:errors`; do not edit. -->',
    '# Errors',
    'Programs match the code, never the message. Codes are never reused. Retryable means that the same request can succeed later.',
    ...sections,
  ].join('\n\n')}\n`;
}
