import { createConnection } from 'node:net';
import { io } from 'socket.io-client';
import { afterEach, describe, expect, it } from 'vitest';
import { SignalingError } from './index.ts';
import {
  ask,
  closeAll,
  closers,
  codeOf,
  givenClient,
  givenServer,
  goLive,
  JOIN,
  RTP,
  statesOf,
  untilEvent,
} from './testing/given-server.ts';

afterEach(closeAll);

describe('a call over signaling', () => {
  it('goes from joining to live and ends when the client hangs up', async () => {
    const { url, host, server } = await givenServer();
    const { client, events } = await givenClient(url);
    expect(await ask(client, 'join', JOIN)).toMatchObject({ ok: true, value: { callId: 'call-1' } });
    await goLive(client);
    expect(server.callCount).toBe(1);
    const ended = untilEvent(client, 'ended');
    expect(await codeOf(client, 'hangup', {})).toBe('ok');
    expect(await ended).toEqual({ reason: 'hung-up' });
    expect(statesOf(events)).toEqual(['joining', 'connecting', 'live', 'ended']);
    expect(host.closedFor).toEqual(['hung-up']);
    expect(server.callCount).toBe(0);
  });

  it('can be followed by another on the same connection', async () => {
    const { url } = await givenServer();
    const { client } = await givenClient(url);
    await ask(client, 'join', JOIN);
    await ask(client, 'hangup', {});
    expect(await ask(client, 'join', JOIN)).toMatchObject({ ok: true, value: { callId: 'call-2' } });
  });

  it('is rejoined over new transports after its media was lost', async () => {
    const { url, host } = await givenServer();
    const { client, events } = await givenClient(url);
    await ask(client, 'join', JOIN);
    await goLive(client);
    const lost = untilEvent(client, 'mediaLost');
    host.observers[0]!.mediaLost();
    host.observers[0]!.mediaLost(); // Of the other transport.
    await lost;
    expect(await codeOf(client, 'produce', { transportId: 'send-1', rtpParameters: RTP })).toBe('MEDIA_LOST');
    expect(await ask(client, 'rejoin', {})).toMatchObject({ ok: true, value: { sendTransport: { id: 'send-2' } } });
    await goLive(client, 2);
    expect(statesOf(events)).toEqual(['joining', 'connecting', 'live', 'reconnecting', 'live']);
    expect(events.filter(([name]) => name === 'mediaLost')).toHaveLength(1);
  });

  it('tells of a lost and a restored engine', async () => {
    const { url, host } = await givenServer();
    const { client, events } = await givenClient(url);
    await ask(client, 'join', JOIN);
    await goLive(client);
    const live = new Promise<void>((resolve) => client.on('state', ({ state }) => state === 'live' && resolve()));
    host.observers[0]!.engineLost(new SignalingError('ENGINE_LOST', 'the worker ended'));
    host.observers[0]!.engineRestored();
    await live;
    expect(events).toContainEqual([
      'fault',
      { error: expect.objectContaining({ code: 'ENGINE_LOST', retryable: true }) },
    ]);
    expect(statesOf(events).slice(-3)).toEqual(['live', 'reconnecting', 'live']);
  });

  it('ends when its connection goes, also while it is being placed', async () => {
    const { url, host } = await givenServer();
    const { client } = await givenClient(url);
    const placed = Promise.withResolvers<void>();
    host.placing = placed.promise;
    client.emit('join', JOIN, () => undefined);
    await ask(client, 'consume'); // its answer follows that of join, so both have arrived by the time of the next line
    client.disconnect();
    placed.resolve();
    await expect.poll(() => host.closedFor).toEqual(['client-gone']);
  });

  it('is not placed for a connection that went before its turn came', async () => {
    const { url, host } = await givenServer();
    const { client } = await givenClient(url);
    const placed = Promise.withResolvers<void>();
    host.placing = placed.promise;
    // The second one waits for the first, which the hang-up ends.
    client.emit('join', JOIN, () => undefined);
    client.emit('join', JOIN, () => undefined);
    await ask(client, 'hangup', {});
    client.disconnect();
    const other = await givenClient(url);
    placed.resolve();
    await expect.poll(() => host.closedFor).toEqual(['client-gone']);
    expect(await codeOf(other.client, 'join', JOIN)).toBe('ok');
    expect(host.observers).toHaveLength(2);
  });

  it('ends when it is not live in time', async () => {
    const { url, host } = await givenServer({ notLiveMsMax: 50 });
    const { client } = await givenClient(url);
    const ended = untilEvent(client, 'ended');
    await ask(client, 'join', JOIN);
    expect(await ended).toEqual({ reason: 'connect-timeout' });
    expect(host.closedFor).toEqual(['connect-timeout']);
  });

  it('is told to end by a server that closes', async () => {
    const { url, server } = await givenServer();
    const { client } = await givenClient(url);
    await ask(client, 'join', JOIN);
    const ended = untilEvent(client, 'ended');
    await server.close('server-shutdown');
    expect(await ended).toEqual({ reason: 'server-shutdown' });
  });
});

describe('a connection', () => {
  it('is refused to pages of other origins, unless they are allowed', async () => {
    const { url } = await givenServer({ allowedOrigins: ['https://friend.example'] });
    const from = (origin: string) =>
      new Promise<string>((resolve) => {
        const client = io(url, {
          transports: ['websocket'],
          reconnection: false,
          forceNew: true,
          extraHeaders: { origin },
        });
        closers.push(() => client.disconnect());
        client.once('connect', () => resolve('connected'));
        client.once('connect_error', () => resolve('refused'));
      });
    expect(await from('https://stranger.example')).toBe('refused');
    expect(await from('null')).toBe('refused');
    expect(await from('https://friend.example')).toBe('connected');
    expect(await from(url)).toBe('connected');
  });

  it('that asks another path for an upgrade and is reset harms nobody', async () => {
    const { url } = await givenServer();
    const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /elsewhere HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    const gone = new Promise((resolve) => socket.once('close', resolve));
    setTimeout(() => socket.resetAndDestroy(), 50);
    await gone;
    const { client } = await givenClient(url);
    expect(await codeOf(client, 'join', JOIN)).toBe('ok');
  });

  it('beyond the limit is refused', async () => {
    const { url } = await givenServer({ connectionsMax: 1 });
    await givenClient(url);
    await expect(givenClient(url)).rejects.toThrow('websocket error');
  });
});
