import { destination, type Logger, pino } from 'pino';

export type { Logger };

/**
 * The log of one process: JSON lines on stderr, so that stdout stays the operator's. Speech, transcripts, tokens and
 * addresses never enter a message's text.
 */
export function createLogger(process: 'server' | 'media', level: string): Logger {
  return pino({ level, base: { process } }, destination({ dest: 2, sync: true }));
}
