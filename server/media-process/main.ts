import { createLogger } from '../log.ts';
import { MediaHost } from './media-host.ts';
import { answerAsk } from './rpc-service.ts';

/**
 * The media process: mediasoup and the audio of all calls of a node, away from HTTP. Forked by the control plane, it
 * is spoken to over its IPC channel and ends when that closes, however the control plane ended.
 */
const logger = createLogger('media', process.argv[2] ?? 'info');
const send = (message: unknown): void => {
  // A channel that closes meanwhile ends this process through `disconnect`.
  if (process.connected) process.send!(message, undefined, undefined, () => undefined);
};
const host = new MediaHost(
  (notice, payload) => send({ type: 'notice', notice, payload }),
  logger,
  () => {
    logger.fatal("mediasoup's worker cannot be replaced");
    // The control plane starts another media process.
    process.exit(1);
  },
);

const onDefect = (error: unknown): void => logger.error({ err: error }, 'a request of the control plane failed');
process.on('message', (message) => void answerAsk(message, { handlers: host.handlers, send, onDefect }));
process.on('disconnect', () => {
  // mediasoup's worker and the inference worker's slots end with their channels; what hangs does not hold us.
  setTimeout(() => process.exit(1), 1_000).unref();
  host.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
// The control plane decides when calls end: a signal to the whole process group is its to handle.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
