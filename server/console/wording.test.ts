import { describe, expect, it } from 'vitest';
import { type CallErrorCode, CLIENT_ERRORS } from '../../sdk/errors.ts';
import { CallError } from '../../sdk/index.ts';
import { SIGNALING_ERRORS } from '../../signaling/index.ts';
import { wordsOfOutcome, wordsOfWarning } from './wording.ts';

const CODES = Object.keys({ ...CLIENT_ERRORS, ...SIGNALING_ERRORS }) as CallErrorCode[];
/** Said by the server as such an error, with the developer's own text beside it. */
const givenError = (code: string) =>
  new CallError({ code: code as never, message: `${code}: 42`, retryable: true, fix: 'Rejoin when told to.' });

describe('what the page says about an error', () => {
  it.each(CODES)('%s is in words for the person who calls', (code) => {
    const { title, lead } = wordsOfOutcome({ reason: 'failed', error: givenError(code) }, 0);
    const said = `${title} ${lead} ${wordsOfWarning(givenError(code))}`;

    expect(title).toMatch(/^[A-Z].*\.$/);
    expect(lead.length).toBeGreaterThan(20);
    expect(said).not.toMatch(
      /rejoin|\bclient\b|request|acknowledg|protocol|transport|callback|undefined|[A-Z]+_[A-Z]+/i,
    );
  });

  it('a page that is older than its server is to be reloaded', () => {
    const words = wordsOfOutcome({ reason: 'failed', error: givenError('PROTOCOL_UNSUPPORTED') }, 0);

    expect(words.lead).toContain('Reload the page');
  });

  it('a code that is newer than the page has words too', () => {
    const words = wordsOfOutcome({ reason: 'failed', error: givenError('NOT_YET_INVENTED') }, 0);

    expect(words.title).toBe('The call broke off.');
  });

  it('an end without an error has no error in it', () => {
    expect(wordsOfOutcome({ reason: 'engine-fault' }, 0).title).toBe('The model lost its thread.');
    expect(wordsOfOutcome({ reason: 'not-yet-invented' as never }, 0).title).toBe('The call broke off.');
    expect(wordsOfOutcome({ reason: 'hung-up' }, 61_000).lead).toBe('You talked for 1 minute and 1 second.');
  });
});
