import { readFileSync } from 'node:fs';
import type { types } from 'mediasoup';
import { observer } from 'mediasoup';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MediaNode } from '../media-node.ts';
import { EchoPeer } from '../testing/echo-peer.ts';
import { CallTransports } from './call-transports.ts';
import type { MediaNodeOptions } from './media-node-options.ts';
import { MediaRouter } from './media-router.ts';

const PORT = 21_433;
const OPUS = { mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 };

/** Everything that mediasoup made, by its own account. */
const made: { kind: string; object: { readonly closed: boolean } }[] = [];
const noteTransport = (transport: types.Transport): void => {
  made.push({ kind: transport.type, object: transport });
  transport.observer.on('newproducer', (object) => made.push({ kind: 'producer', object }));
  transport.observer.on('newconsumer', (object) => made.push({ kind: 'consumer', object }));
};
const noteWorker = (worker: types.Worker): void => {
  worker.observer.on('newrouter', (router) => router.observer.on('newtransport', noteTransport));
};

beforeEach(() => {
  made.length = 0;
  observer.on('newworker', noteWorker);
});
afterEach(() => observer.off('newworker', noteWorker));

function options(): MediaNodeOptions {
  // Written by the set-up; absent where mediasoup's own download worked.
  const setup = JSON.parse(readFileSync(new URL('../../.parley/setup.json', import.meta.url), 'utf8'));
  const workerBin: string | undefined = setup.mediasoupWorkerBin;
  return { ...(workerBin && { workerBin }), listen: [{ ip: '127.0.0.1' }], port: PORT };
}

describe('a call that is closed while mediasoup works for it', () => {
  it('leaves no producer and no consumer behind', async () => {
    await using node = await MediaNode.create(options());
    const peer = new EchoPeer(10);
    const call = await node.createCall({ id: 'short', framePeer: peer });
    call.once('closed', () => peer.close());
    const { sendTransport, routerRtpCapabilities } = call.join();
    const asked = [
      call.produce({ transportId: sendTransport.id, rtpParameters: { codecs: [OPUS], encodings: [{ ssrc: 7 }] } }),
      call.consume({ rtpCapabilities: routerRtpCapabilities }),
    ];
    const outcomes = Promise.allSettled(asked);
    await call.close('client-left');
    for (const { status } of await outcomes) expect(status).toBe('rejected');
    expect(made.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['producer', 'consumer']));
    expect(made.filter(({ object }) => !object.closed)).toEqual([]);
  });
});

describe('transports of which one cannot be made', () => {
  it('leave none behind, those included that were made after the failure', async () => {
    await using router = await MediaRouter.create(options());
    const real = router.createWebRtcTransport.bind(router);
    let asked = 0;
    router.createWebRtcTransport = () => {
      asked += 1;
      return asked === 1 ? Promise.reject(new Error('out of ports')) : real();
    };
    await expect(CallTransports.create(router, 7)).rejects.toMatchObject({ code: 'MEDIA_WORKER_UNAVAILABLE' });
    expect(made.map(({ kind }) => kind).toSorted()).toEqual(['direct', 'webrtc']);
    expect(made.filter(({ object }) => !object.closed)).toEqual([]);
    await expect(CallTransports.create(router, 7)).resolves.toMatchObject({ isConnected: false });
  });
});
