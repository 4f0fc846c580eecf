import { InferenceError } from '../errors.ts';
import { PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, type WorkerMessage } from './messages.ts';

/**
 * @param versionMin and `versionMax`: what a client speaks, both included.
 * @returns the newest version that both speak. @throws InferenceError `VERSION_UNSUPPORTED`
 */
export function commonVersion(versionMin: number, versionMax: number): number {
  const version = Math.min(versionMax, PROTOCOL_VERSION);
  if (version >= Math.max(versionMin, PROTOCOL_VERSION_MIN)) return version;
  const ours = `${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION}`;
  throw new InferenceError('VERSION_UNSUPPORTED', `${versionMin} to ${versionMax}; this is ${ours}`);
}

/** @returns the message as a client of that version knows it: version 1 has no transcripts. */
export function inVersion(message: WorkerMessage, version: number): WorkerMessage {
  if (message.type === 'ready') {
    const { info } = message;
    return { ...message, version, info: { ...info, hasTranscript: info.hasTranscript && version >= 2 } };
  }
  if (message.type !== 'reply' || version >= 2) return message;
  const { transcript: _, ...known } = message;
  return known;
}
