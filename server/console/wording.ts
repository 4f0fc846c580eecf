import type { CallError, CallErrorCode, CallOutcome, ConnectingStep } from '../../sdk/index.ts';

export interface Words {
  readonly title: string;
  readonly lead: string;
}

export const STEP_WORDS: Record<ConnectingStep, Words> = {
  microphone: {
    title: 'May it hear you?',
    lead: 'Your browser asks for the microphone. Allow it, and the call begins.',
  },
  server: { title: 'Calling…', lead: 'Asking the server for a free line.' },
  media: { title: 'Calling…', lead: 'Opening the line for sound.' },
};

const ERROR_WORDS: Partial<Record<CallErrorCode, Words>> = {
  NO_MICROPHONE: {
    title: 'No microphone here.',
    lead: 'Nothing to hear you with was found. Connect a microphone, or choose another one below, then call again.',
  },
  MICROPHONE_DENIED: {
    title: 'The microphone is blocked.',
    lead: 'This page may not listen. Allow the microphone in the site settings beside the address, then call again.',
  },
  MICROPHONE_BUSY: {
    title: 'The microphone is taken.',
    lead: 'Another program holds it. Close that program, or choose another microphone, then call again.',
  },
  NO_CAPACITY: {
    title: 'Every line is busy.',
    lead: 'As many people are talking as this server can answer well. A line frees up when one of them hangs up.',
  },
  SERVER_DRAINING: {
    title: 'Back in a moment.',
    lead: 'This server is about to restart and takes no new calls. Try again shortly.',
  },
  SERVER_GONE: {
    title: 'The server is gone.',
    lead: 'It does not answer. Check that it runs and that you are still on the network, then call again.',
  },
  INSECURE_PAGE: {
    title: 'This page is not secure.',
    lead: 'Browsers give a microphone only to secure pages. Open this one over https, or on the server itself as http://localhost.',
  },
  MEDIA_UNREACHABLE: {
    title: 'No sound gets through.',
    lead: 'The server answers, but its media port cannot be reached from here. A firewall is the usual reason.',
  },
  BROWSER_UNSUPPORTED: {
    title: 'This browser cannot call.',
    lead: 'It has no WebRTC. A current Chrome, Edge, Firefox or Safari has.',
  },
  ENGINE_LOST: {
    title: 'The model went away.',
    lead: 'The process that runs it stopped and did not come back in time. Call again: it is probably up by now.',
  },
};

/** @returns what the page says about a call that is over. */
export function wordsOfOutcome({ reason, error }: CallOutcome, durationMs: number | undefined): Words {
  if (error) return ERROR_WORDS[error.code] ?? { title: 'The call broke off.', lead: error.fix };
  switch (reason) {
    case 'hung-up':
      return { title: 'Well, goodbye.', lead: `You talked for ${durationWords(durationMs ?? 0)}.` };
    case 'cancelled':
      return { title: 'Never mind.', lead: 'The call was not placed.' };
    case 'server-draining':
    case 'server-shutdown':
      return { title: 'The server hung up.', lead: 'It is shutting down. Try again shortly.' };
    case 'connect-timeout':
      return ERROR_WORDS.MEDIA_UNREACHABLE as Words;
    case 'engine-lost':
      return ERROR_WORDS.ENGINE_LOST as Words;
    default:
      return {
        title: 'The call broke off.',
        lead: `Call again. If it happens twice, the server’s log says why: ${reason}.`,
      };
  }
}

/** @returns one line about something that does not work in a call that goes on. */
export function wordsOfWarning(error: CallError): string {
  switch (error.code) {
    case 'PLAYBACK_BLOCKED':
      return 'Your browser holds the sound back until you click.';
    case 'ENGINE_LOST':
      return 'The model stopped and is being started again. It will have forgotten what was said.';
    case 'NO_MICROPHONE':
    case 'MICROPHONE_BUSY':
    case 'MICROPHONE_DENIED':
      return `${ERROR_WORDS[error.code]?.title} You can still listen.`;
    default:
      return error.fix;
  }
}

/** @returns what a listener should know about this engine before judging it; undefined where there is nothing. */
export function wordsOfEngine(engine: { name: string; isUntrained: boolean } | undefined): string | undefined {
  if (!engine) return undefined;
  if (engine.name === 'loopback') return 'This is the loopback engine: you hear yourself, as the server hears you.';
  return engine.isUntrained ? 'This model is untrained: expect noise, and words at random.' : undefined;
}

/** @returns such as `0:07` or `12:40`. */
export function clockOf(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function durationWords(durationMs: number): string {
  const seconds = Math.max(1, Math.round(durationMs / 1000));
  const minutes = Math.floor(seconds / 60);
  const count = (value: number, unit: string) => `${value} ${unit}${value === 1 ? '' : 's'}`;
  if (minutes === 0) return count(seconds, 'second');
  return seconds % 60 === 0
    ? count(minutes, 'minute')
    : `${count(minutes, 'minute')} and ${count(seconds % 60, 'second')}`;
}
