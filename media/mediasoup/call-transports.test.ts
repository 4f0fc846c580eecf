import { readFileSync } from 'node:fs';
import type { types } from 'mediasoup';
import { observer } from 'mediasoup';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MediaNode } from '../media-node.ts';
import { EchoPeer } from '../testing/echo-peer.ts';

const PORT = 21_433;
const OPUS = { mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 };

/** Everything that mediasoup made, by its own account. */
const made: { kind: string; object: { readonly closed: boolean } }[] = [];
const noteTransport = (transport: types.Transport): void => {
  transport.observer.on('newproducer', (object) => made.push({ kind: 'producer', object }));
  transport.observer.on('newconsumer', (object) => made.push({ kind: 'consumer', object }));
};
const noteWorker = (worker: types.Worker): void => {
  worker.observer.on('newrouter', (router) => router.observer.on('newtransport', noteTransport));
};

let node: MediaNode;
beforeEach(async () => {
  made.length = 0;
  observer.on('newworker', noteWorker);
  // Written by the set-up; absent where mediasoup's own download worked.
  const setup = JSON.parse(readFileSync(new URL('../../.parley/setup.json', import.meta.url), 'utf8'));
  const workerBin: string | undefined = setup.mediasoupWorkerBin;
  node = await MediaNode.create({ ...(workerBin && { workerBin }), listen: [{ ip: '127.0.0.1' }], port: PORT });
});
afterEach(async () => {
  observer.off('newworker', noteWorker);
  await node.close();
});

describe('a call that is closed while mediasoup works for it', () => {
  it('leaves no producer and no consumer behind', async () => {
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
    expect(new Set(made.map(({ kind }) => kind))).toEqual(new Set(['producer', 'consumer']));
    expect(made.filter(({ object }) => !object.closed)).toEqual([]);
  });
});
