import { observer, type types } from 'mediasoup';
import { afterEach, describe, expect, it } from 'vitest';
import { spawnInferenceWorker } from '../../inference/index.ts';
import type { CallObserver, PlacedCall } from '../../signaling/index.ts';
import { readSetupRecord } from '../config/setup-record.ts';
import { createLogger } from '../log.ts';
import { MediaHost } from '../media-process/media-host.ts';
import { RpcClient } from '../media-process/rpc-client.ts';
import { answerAsk } from '../media-process/rpc-service.ts';
import { CallDesk } from './call-desk.ts';

const logger = createLogger('server', process.env.PARLEY_LOG_LEVEL ?? 'silent');
const SETUP_RECORD = new URL('../../.parley/setup.json', import.meta.url);
/** In place of the ten seconds that a media process is given. */
const ANSWER_MS_MAX = 500;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A desk over a media host in this process, with mediasoup and an inference worker of one slot. */
async function givenDesk(): Promise<{ desk: CallDesk; mediasoup: types.Worker }> {
  const engine = await spawnInferenceWorker({ engine: 'loopback', slotCount: 1 });
  closers.push(() => engine.close());
  const workers: types.Worker[] = [];
  const note = (worker: types.Worker) => void workers.push(worker);
  observer.on('newworker', note);
  closers.push(() => observer.off('newworker', note));
  const fail = (error: unknown) => logger.error({ err: error });
  const rpc = new RpcClient((ask) => {
    const send = (tell: unknown) => rpc.receive(overChannel(tell));
    void answerAsk(overChannel(ask), { handlers: host.handlers, send, onDefect: fail });
  }, ANSWER_MS_MAX);
  const host = new MediaHost(
    (notice, payload) => rpc.receive({ type: 'notice', notice, payload }),
    logger,
    () => {},
  );
  closers.push(() => host.close());
  const { mediasoupWorkerBin: workerBin, opusLibrary } = await readSetupRecord(SETUP_RECORD);
  await host.handlers.start({
    listen: [{ ip: '127.0.0.1' }],
    port: 0,
    ...(workerBin !== undefined && { workerBin }),
    ...(opusLibrary !== undefined && { opusLibrary }),
  });
  await host.handlers.connectEngine({ socketPath: engine.socketPath });
  const desk = new CallDesk({ media: () => rpc, engine: () => engine.info }, logger);
  return { desk, mediasoup: workers[0]! };
}

/** What a message is after the way between two processes. */
function overChannel(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message));
}

const nobody = {} as CallObserver;

describe('a call that takes too long to open', () => {
  it('is given up, and gives its slot back once it opens after all', { timeout: 30_000 }, async () => {
    const { desk, mediasoup } = await givenDesk();
    process.kill(mediasoup.pid, 'SIGSTOP');
    closers.push(() => process.kill(mediasoup.pid, 'SIGCONT'));
    await expect(desk.placeCall(nobody)).rejects.toMatchObject({ code: 'MEDIA_LOST' });
    expect(desk.callCount).toBe(0);
    process.kill(mediasoup.pid, 'SIGCONT');
    let next: PlacedCall | undefined;
    const place = async (): Promise<string> => {
      next = await desk.placeCall(nobody);
      return 'placed';
    };
    await expect.poll(() => place().catch(({ code }) => code), { timeout: 5_000 }).toBe('placed');
    await next!.close('hung-up');
  });
});
