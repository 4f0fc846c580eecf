import { createServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createConnection } from 'node:net';
import { type Socket as ClientSocket, io } from 'socket.io-client';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  type CallHost,
  type CallObserver,
  type ClientToServerEvents,
  type DtlsParameters,
  PACKET_BYTES_MAX,
  type PlacedCall,
  PROTOCOL_VERSION,
  REQUEST_BYTES_MAX,
  type RtpParameters,
  type ServerToClientEvents,
  SignalingError,
  SignalingServer,
  type SignalingServerOptions,
} from './index.ts';

type Client = ClientSocket<ServerToClientEvents, ClientToServerEvents>;

const DTLS: DtlsParameters = {
  fingerprints: [{ algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') }],
};
const RTP: RtpParameters = { codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 }] };
const JOIN = { protocolVersion: PROTOCOL_VERSION };

/** A host without media: it grants what is asked, and the test speaks for the media through `observers`. */
class GrantingHost implements CallHost {
  readonly observers: CallObserver[] = [];
  readonly closedFor: string[] = [];
  placing: Promise<void> = Promise.resolve();
  #generation = 0;

  async placeCall(observer: CallObserver): Promise<PlacedCall> {
    await this.placing;
    this.observers.push(observer);
    const callId = `call-${this.observers.length}`;
    return {
      offer: { ...this.#offer(), callId, engine: { name: 'loopback', isUntrained: false, checkpointHash: '' } },
      connectTransport: async ({ transportId }) => {
        if (transportId.startsWith('recv')) observer.mediaConnected();
      },
      produce: async () => ({ producerId: 'producer' }),
      consume: async () => ({ consumerId: 'consumer', producerId: 'voice', rtpParameters: RTP }),
      reopenMedia: async () => this.#offer(),
      close: async (reason) => {
        this.closedFor.push(reason);
      },
    };
  }

  #offer() {
    this.#generation += 1;
    const transport = (name: string) => ({
      id: `${name}-${this.#generation}`,
      iceParameters: { usernameFragment: 'u', password: 'p' },
      iceCandidates: [],
      dtlsParameters: DTLS,
    });
    return {
      routerRtpCapabilities: { codecs: [], headerExtensions: [] },
      sendTransport: transport('send'),
      recvTransport: transport('recv'),
      iceServers: [],
    };
  }
}

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function givenServer(options: Partial<SignalingServerOptions> = {}) {
  const host = new GrantingHost();
  const defects: unknown[] = [];
  const http: HttpServer = createServer();
  const server = new SignalingServer(http, {
    host,
    allowedOrigins: [],
    connectionsMax: 100,
    requestsPerSecondMax: 1000,
    notLiveMsMax: 5000,
    onDefect: (error) => defects.push(error),
    ...options,
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close('server-shutdown'));
  return { host, server, defects, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

async function givenClient(url: string): Promise<{ client: Client; events: unknown[][] }> {
  const client: Client = io(url, { transports: ['websocket'], reconnection: false, forceNew: true });
  const events: unknown[][] = [];
  client.onAny((name, payload) => events.push([name, payload]));
  closers.push(() => client.disconnect());
  await new Promise<void>((resolve, reject) => {
    client.once('connect', resolve);
    client.once('connect_error', reject);
  });
  return { client, events };
}

/** Speaks WebSocket frames, so that it can say what no socket.io client would. */
async function givenRawClient(url: string): Promise<{ socket: WebSocket; received: string[] }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  const received: string[] = [];
  socket.onmessage = ({ data }) => received.push(String(data));
  closers.push(() => socket.close());
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  socket.send('40');
  await expect.poll(() => received.some((frame) => frame.startsWith('40'))).toBe(true);
  return { socket, received };
}

/** Sends anything at all, and waits for its answer. */
async function ask(client: Client, name: string, ...args: unknown[]): Promise<Answer<Record<string, never>>> {
  const anySocket = client.timeout(5000) as unknown as {
    emitWithAck(name: string, ...args: unknown[]): Promise<never>;
  };
  return anySocket.emitWithAck(name, ...args);
}

async function codeOf(client: Client, name: string, ...args: unknown[]): Promise<string> {
  const answer = await ask(client, name, ...args);
  return answer.ok ? 'ok' : answer.error.code;
}

async function goLive(client: Client, generation = 1): Promise<void> {
  for (const name of ['send', 'recv']) {
    const transportId = `${name}-${generation}`;
    expect(await codeOf(client, 'transport:connect', { transportId, dtlsParameters: DTLS })).toBe('ok');
  }
  const produce = { transportId: `send-${generation}`, rtpParameters: RTP };
  expect(await codeOf(client, 'produce', produce)).toBe('ok');
  expect(await codeOf(client, 'consume', { rtpCapabilities: {} })).toBe('ok');
}

const statesOf = (events: unknown[][]): unknown[] =>
  events.filter(([name]) => name === 'state').map(([, payload]) => (payload as { state: string }).state);
const untilEvent = (client: Client, name: keyof ServerToClientEvents): Promise<unknown> =>
  new Promise((resolve) => client.once(name, resolve));

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

describe('a request that cannot be served', () => {
  it.each([
    ['an unknown name', 'REQUEST_UNKNOWN', 'order-pizza', {}],
    ['the name of an inherited property', 'REQUEST_UNKNOWN', 'constructor', {}],
    ['no object', 'REQUEST_INVALID', 'join', 'hello'],
    ['an unknown field', 'REQUEST_INVALID', 'join', { ...JOIN, extra: 1 }],
    ['another version', 'PROTOCOL_UNSUPPORTED', 'join', { protocolVersion: 99 }],
    ['too many bytes', 'REQUEST_TOO_LARGE', 'join', { ...JOIN, extra: 'x'.repeat(REQUEST_BYTES_MAX) }],
    ['binary data', 'REQUEST_INVALID', 'join', Buffer.from('join')],
    ['a step before join', 'REQUEST_OUT_OF_ORDER', 'consume', { rtpCapabilities: {} }],
    ['a hang-up before join', 'REQUEST_OUT_OF_ORDER', 'hangup', {}],
  ])('%s is answered with %s and harms no other call', async (_, code, name, payload) => {
    const { url, host, defects } = await givenServer();
    const [good, bad] = [await givenClient(url), await givenClient(url)];
    await ask(good.client, 'join', JOIN);
    await goLive(good.client);
    expect(await codeOf(bad.client, name, payload)).toBe(code);
    expect(await codeOf(bad.client, 'join', JOIN)).toBe('ok');
    expect(statesOf(good.events)).toEqual(['joining', 'connecting', 'live']);
    expect(host.closedFor).toEqual([]);
    expect(defects).toEqual([]);
  });

  it.each([
    ['join', JOIN, 'REQUEST_OUT_OF_ORDER'],
    ['rejoin', {}, 'REQUEST_OUT_OF_ORDER'],
    ['transport:connect', { transportId: 'send-1', dtlsParameters: DTLS }, 'REQUEST_OUT_OF_ORDER'],
    ['transport:connect', { transportId: 'elsewhere', dtlsParameters: DTLS }, 'TRANSPORT_UNKNOWN'],
    ['produce', { transportId: 'send-1', rtpParameters: RTP }, 'REQUEST_OUT_OF_ORDER'],
    ['consume', { rtpCapabilities: {} }, 'REQUEST_OUT_OF_ORDER'],
  ])('%s of a live call, once too often, is answered with its code', async (name, payload, code) => {
    const { url } = await givenServer();
    const { client, events } = await givenClient(url);
    await ask(client, 'join', JOIN);
    await goLive(client);
    expect(await codeOf(client, name, payload)).toBe(code);
    expect(statesOf(events).at(-1)).toBe('live');
  });

  it('is told CALL_CLOSED after the end', async () => {
    const { url } = await givenServer();
    const { client } = await givenClient(url);
    await ask(client, 'join', JOIN);
    await ask(client, 'hangup', {});
    expect(await codeOf(client, 'consume', { rtpCapabilities: {} })).toBe('CALL_CLOSED');
  });

  it('without an acknowledgement is told by a fault', async () => {
    const { url } = await givenServer();
    const { client } = await givenClient(url);
    const fault = untilEvent(client, 'fault');
    (client as ClientSocket).emit('join', JOIN);
    expect(await fault).toMatchObject({ error: { code: 'ACK_MISSING' } });
  });

  it('named by a number is answered with REQUEST_UNKNOWN', async () => {
    const { url, defects } = await givenServer();
    const raw = await givenRawClient(url);
    raw.socket.send('420[7,{}]');
    await expect.poll(() => raw.received.at(-1)).toMatch(/^430\[\{"ok":false,"error":\{"code":"REQUEST_UNKNOWN"/);
    expect(defects).toEqual([]);
  });

  it('nested deeper than any stack is answered with REQUEST_TOO_LARGE', async () => {
    const { url } = await givenServer();
    const raw = await givenRawClient(url);
    raw.socket.send(`420["join",${'['.repeat(25_000)}${']'.repeat(25_000)}]`);
    await expect.poll(() => raw.received.at(-1)).toMatch(/^430\[\{"ok":false,"error":\{"code":"REQUEST_TOO_LARGE"/);
  });

  it.each([
    '',
    'x',
    '42',
    '42[',
    '420["join"',
    '42["connect"]',
    '459-["join",{}]',
    '451-["join",{"_placeholder":true,"num":9}]',
  ])('that is not socket.io (%j) closes its own connection at most', async (frame) => {
    const { url, defects } = await givenServer();
    const { client } = await givenClient(url);
    const raw = await givenRawClient(url);
    raw.socket.send(frame);
    raw.socket.send(new Uint8Array([1, 2, 3]));
    expect(await codeOf(client, 'join', JOIN)).toBe('ok');
    expect(defects).toEqual([]);
  });

  it('beyond the rate is answered with RATE_EXCEEDED, and the rate recovers', async () => {
    const { url } = await givenServer({ requestsPerSecondMax: 20 });
    const { client } = await givenClient(url);
    const codes = await Promise.all(Array.from({ length: 60 }, () => codeOf(client, 'hangup', {})));
    expect(new Set(codes)).toEqual(new Set(['REQUEST_OUT_OF_ORDER', 'RATE_EXCEEDED']));
    await expect.poll(() => codeOf(client, 'hangup', {})).toBe('REQUEST_OUT_OF_ORDER');
  });

  it('larger than a packet may be closes its own connection only', async () => {
    const { url } = await givenServer();
    const [good, bad] = [await givenClient(url), await givenClient(url)];
    const gone = new Promise((resolve) => bad.client.once('disconnect', resolve));
    (bad.client as ClientSocket).emit('join', { junk: 'x'.repeat(PACKET_BYTES_MAX + 1) });
    await gone;
    expect(await codeOf(good.client, 'join', JOIN)).toBe('ok');
  });

  it('to a host that fails is told INTERNAL, without details, and the defect is reported', async () => {
    const { url, host, defects } = await givenServer();
    const { client } = await givenClient(url);
    host.placing = Promise.reject(new Error('secret detail'));
    host.placing.catch(() => undefined);
    const answer = await ask(client, 'join', JOIN);
    expect(answer).toMatchObject({ ok: false, error: { code: 'INTERNAL' } });
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(defects).toHaveLength(1);
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
