import { ServerError } from '../../errors.ts';

/**
 * Reads an answer that is a refusal. The hub names the reason in a header of its own, and answers 401 also for a
 * repository that is not there: who may not see one is not told whether it exists.
 *
 * @param subject what was asked for: the description of a model, or one of its files.
 */
export function refusal(
  { status, headers, url }: Response,
  subject: { readonly of: 'model' | 'file'; readonly name: string },
  { hasToken, endpoint }: { readonly hasToken: boolean; readonly endpoint: string },
): ServerError {
  const reason = headers.get('x-error-code');
  const message = headers.get('x-error-message')?.replaceAll(/\p{C}/gu, '').slice(0, 300);
  const detail = `${subject.name}: ${status}${message ? `, ${message}` : ''}`;
  if (reason === 'GatedRepo') return new ServerError('MODEL_GATED', detail);
  if (reason === 'RepoNotFound' || reason === 'RevisionNotFound') return new ServerError('MODEL_UNKNOWN', detail);
  if (reason === 'EntryNotFound') return new ServerError('MODEL_INCOMPLETE', detail);
  // A file store signs its URLs for a while: asked again, the hub gives a fresh one.
  const isFromStore = subject.of === 'file' && new URL(url).origin !== new URL(endpoint).origin;
  if (status === 429 || status >= 500 || isFromStore) return new ServerError('HUB_BUSY', detail);
  switch (status) {
    case 401:
      if (hasToken) return new ServerError('HUB_TOKEN_REFUSED', detail);
      return new ServerError(subject.of === 'file' ? 'MODEL_GATED' : 'MODEL_UNKNOWN', detail);
    case 403:
      return new ServerError('MODEL_GATED', detail);
    case 404:
      return new ServerError(subject.of === 'file' ? 'MODEL_INCOMPLETE' : 'MODEL_UNKNOWN', detail);
    default:
      return new ServerError('HUB_ANSWER_INVALID', detail);
  }
}
