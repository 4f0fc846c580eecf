import { SignalingError, type SignalingErrorCode } from '../../signaling/index.ts';
import { ServerError } from '../errors.ts';
import { RemoteError } from '../media-process/rpc-client.ts';

/** What the client of a call is told for what media/, inference/ or the server refused; other codes are defects. */
const TOLD_AS: Readonly<Record<string, SignalingErrorCode>> = {
  SLOTS_FULL: 'NO_CAPACITY',
  LINK_CLOSED: 'ENGINE_LOST',
  TRANSPORT_UNKNOWN: 'TRANSPORT_UNKNOWN',
  TRANSPORT_REFUSED: 'MEDIA_REFUSED',
  PRODUCE_REFUSED: 'MEDIA_REFUSED',
  CONSUME_REFUSED: 'MEDIA_REFUSED',
  CALL_INTERRUPTED: 'MEDIA_LOST',
  MEDIA_WORKER_UNAVAILABLE: 'MEDIA_LOST',
  NODE_CLOSED: 'MEDIA_LOST',
  MEDIA_PROCESS_FAILED: 'MEDIA_LOST',
  RPC_TIMEOUT: 'MEDIA_LOST',
  CALL_CLOSED: 'CALL_CLOSED',
};

/** @returns the error for the client, or the error itself where it is a defect. */
export function toldToClient(error: unknown): unknown {
  if (!(error instanceof RemoteError || error instanceof ServerError)) return error;
  const code = TOLD_AS[error.code];
  return code ? new SignalingError(code, error.message, { cause: error }) : error;
}
