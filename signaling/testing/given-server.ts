import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Socket as ClientSocket, io } from 'socket.io-client';
import { expect } from 'vitest';
import {
  type Answer,
  type CallHost,
  type CallObserver,
  type ClientToServerEvents,
  type DtlsParameters,
  type PlacedCall,
  PROTOCOL_VERSION,
  type RtpParameters,
  type ServerToClientEvents,
  SignalingServer,
  type SignalingServerOptions,
} from '../index.ts';

export type Client = ClientSocket<ServerToClientEvents, ClientToServerEvents>;

export const DTLS: DtlsParameters = {
  fingerprints: [{ algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') }],
};
export const RTP: RtpParameters = {
  codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 }],
};
export const JOIN = { protocolVersion: PROTOCOL_VERSION };

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

/** What the test under way has opened. */
export const closers: (() => unknown)[] = [];

/** For `afterEach`: closes all of it, the last first. */
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

export async function givenServer(options: Partial<SignalingServerOptions> = {}) {
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

export async function givenClient(url: string): Promise<{ client: Client; events: unknown[][] }> {
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
export async function givenRawClient(url: string): Promise<{ socket: WebSocket; received: string[] }> {
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
export async function ask(client: Client, name: string, ...args: unknown[]): Promise<Answer<Record<string, never>>> {
  const anySocket = client.timeout(5000) as unknown as {
    emitWithAck(name: string, ...args: unknown[]): Promise<never>;
  };
  return anySocket.emitWithAck(name, ...args);
}

export async function codeOf(client: Client, name: string, ...args: unknown[]): Promise<string> {
  const answer = await ask(client, name, ...args);
  return answer.ok ? 'ok' : answer.error.code;
}

export async function goLive(client: Client, generation = 1): Promise<void> {
  for (const name of ['send', 'recv']) {
    const transportId = `${name}-${generation}`;
    expect(await codeOf(client, 'transport:connect', { transportId, dtlsParameters: DTLS })).toBe('ok');
  }
  const produce = { transportId: `send-${generation}`, rtpParameters: RTP };
  expect(await codeOf(client, 'produce', produce)).toBe('ok');
  expect(await codeOf(client, 'consume', { rtpCapabilities: {} })).toBe('ok');
}

export const statesOf = (events: unknown[][]): unknown[] =>
  events.filter(([name]) => name === 'state').map(([, payload]) => (payload as { state: string }).state);
export const untilEvent = (client: Client, name: keyof ServerToClientEvents): Promise<unknown> =>
  new Promise((resolve) => client.once(name, resolve));
