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

const BROKE_OFF: Words = {
  title: 'The call broke off.',
  lead: 'Something went wrong on the server. Call again; if it happens twice, tell whoever runs it.',
};
/** The page and the server do not understand each other: one of them is newer. */
const OUT_OF_STEP: Words = {
  title: 'This page is out of date.',
  lead: 'The server has changed since it was opened. Reload the page, then call again.',
};
const NO_SOUND: Words = {
  title: 'No sound gets through.',
  lead: 'The server answers, but its media port cannot be reached from here. A firewall is the usual reason.',
};
const MODEL_GONE: Words = {
  title: 'The model went away.',
  lead: 'The process that runs it stopped and did not come back in time. Call again: it is probably up by now.',
};
const MODEL_FAULT: Words = {
  title: 'The model lost its thread.',
  lead: 'It came to a state that it cannot speak from. Call again: a new call begins afresh.',
};
const LINE_LOST: Words = {
  title: 'The line was lost.',
  lead: 'The sound did not come back in time. Call again: it is probably up by now.',
};
const HUNG_UP_BY_SERVER: Words = { title: 'The server hung up.', lead: 'It is shutting down. Try again shortly.' };
const NOT_PLACED: Words = { title: 'Never mind.', lead: 'The call was not placed.' };

/** For the person who calls. What the errors' own `fix` says is for whoever writes the client. */
const ERROR_WORDS: Record<CallErrorCode, Words> = {
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
  PLAYBACK_BLOCKED: {
    title: 'The sound is held back.',
    lead: 'Your browser plays nothing until you click. Call again, and turn the sound on.',
  },
  NO_CAPACITY: {
    title: 'Every line is busy.',
    lead: 'As many people are talking as this server can answer well. A line frees up when one of them hangs up.',
  },
  SERVER_REFUSED: {
    title: 'The server let nobody in.',
    lead: 'It answers, but opened no line to this page. It may have too many visitors: try again in a minute.',
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
  MEDIA_UNREACHABLE: NO_SOUND,
  BROWSER_UNSUPPORTED: {
    title: 'This browser cannot call.',
    lead: 'It has no WebRTC. A current Chrome, Edge, Firefox or Safari has.',
  },
  CALL_CANCELLED: NOT_PLACED,
  CALL_CLOSED: {
    title: 'The call was over already.',
    lead: 'The server had ended it. Call again to begin a new one.',
  },
  MEDIA_LOST: LINE_LOST,
  ENGINE_LOST: MODEL_GONE,
  ENGINE_FAULT: MODEL_FAULT,
  RATE_EXCEEDED: {
    title: 'A little too fast.',
    lead: 'This page asked the server for too much at once. Wait a few seconds, then call again.',
  },
  PROTOCOL_UNSUPPORTED: OUT_OF_STEP,
  REQUEST_UNKNOWN: OUT_OF_STEP,
  REQUEST_INVALID: OUT_OF_STEP,
  REQUEST_TOO_LARGE: OUT_OF_STEP,
  ACK_MISSING: OUT_OF_STEP,
  MEDIA_REFUSED: {
    title: 'No common language.',
    lead: 'This browser and the server could not agree on how to send sound. Try a current Chrome, Edge, Firefox or Safari.',
  },
  REQUEST_OUT_OF_ORDER: BROKE_OFF,
  TRANSPORT_UNKNOWN: BROKE_OFF,
  INTERNAL: BROKE_OFF,
};

const REASON_WORDS: Record<Exclude<CallOutcome['reason'], 'hung-up'>, Words> = {
  cancelled: NOT_PLACED,
  'client-gone': LINE_LOST,
  'connect-timeout': NO_SOUND,
  'media-lost': LINE_LOST,
  'engine-lost': MODEL_GONE,
  'engine-fault': MODEL_FAULT,
  'server-draining': HUNG_UP_BY_SERVER,
  'server-shutdown': HUNG_UP_BY_SERVER,
  'server-gone': ERROR_WORDS.SERVER_GONE,
  'internal-error': BROKE_OFF,
  failed: BROKE_OFF,
};

/** @returns what the page says about a call that is over. A server that is newer than the page may name new codes. */
export function wordsOfOutcome({ reason, error }: CallOutcome, durationMs: number | undefined): Words {
  if (error) return ERROR_WORDS[error.code] ?? BROKE_OFF;
  if (reason !== 'hung-up') return REASON_WORDS[reason] ?? BROKE_OFF;
  return { title: 'Well, goodbye.', lead: `You talked for ${durationWords(durationMs ?? 0)}.` };
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
      return `${ERROR_WORDS[error.code].title} You can still listen.`;
    default:
      return 'Something in this call went wrong. If you hear it, hang up and call again.';
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
