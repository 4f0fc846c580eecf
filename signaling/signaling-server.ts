import type { Server as HttpServer, IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from 'socket.io';
import type { CallHost } from './call-host.ts';
import { CallSignaling, type SignalingSocket } from './call-signaling.ts';
import { SignalingError } from './errors.ts';
import type {
  Answer,
  CallState,
  ClientToServerEvents,
  EndReason,
  RequestName,
  RequestOf,
  ServerToClientEvents,
} from './protocol.ts';
import { PACKET_BYTES_MAX, REQUESTS } from './protocol.ts';
import { parseRequest, RequestRate, requestNameOf, wireErrorOf } from './request-gate.ts';

export interface SignalingServerOptions {
  readonly host: CallHost;
  /** Origins of pages that may call besides those that this server serves itself, such as `https://example.org`. */
  readonly allowedOrigins: readonly string[];
  /** Connections above this are refused with HTTP status 403. */
  readonly connectionsMax: number;
  readonly requestsPerSecondMax: number;
  /** A call that is not live for this long is ended. */
  readonly notLiveMsMax: number;
  /** Told of errors that are no client's fault, for the log. */
  readonly onDefect: (error: unknown) => void;
}

// A client that went silent is noticed after at most their sum, so that its slot serves another call.
const PING_INTERVAL_MS = 10_000;
const PING_TIMEOUT_MS = 5_000;
const FLUSH_MS_MAX = 1_000;
const QUEUED_REQUESTS_MAX = 16;
const REQUEST_BURST_SECONDS = 2;

/** Serves the signaling protocol on an HTTP server, at `/socket.io/`. */
export class SignalingServer {
  readonly #io: Server<ClientToServerEvents, ServerToClientEvents>;
  readonly #options: SignalingServerOptions;
  readonly #connections = new Set<Connection>();

  constructor(httpServer: HttpServer, options: SignalingServerOptions) {
    this.#options = options;
    // Node takes its own listener off a socket that asks for an upgrade, and socket.io listens only to those of its path:
    // a reset of any other would end the process.
    httpServer.on('upgrade', (_request, socket) => socket.on('error', () => undefined));
    this.#io = new Server(httpServer, {
      serveClient: false,
      // One way in: long polling would be a second one to guard, and is too slow for a call.
      transports: ['websocket'],
      maxHttpBufferSize: PACKET_BYTES_MAX,
      pingInterval: PING_INTERVAL_MS,
      pingTimeout: PING_TIMEOUT_MS,
      connectTimeout: PING_INTERVAL_MS,
      allowRequest: (request, decide) => {
        const refusal = this.#refusalOf(request);
        decide(refusal, refusal === null);
      },
    });
    this.#io.on('connection', (socket) => {
      const connection = new Connection(socket, options);
      this.#connections.add(connection);
      socket.on('disconnect', () => {
        this.#connections.delete(connection);
        connection.close('client-gone');
      });
    });
  }

  /** Calls that are placed and have not ended. */
  get callCount(): number {
    return [...this.#connections].filter((connection) => connection.hasCall).length;
  }

  /** Ends every call with `reason`, then closes every connection. */
  async close(reason: EndReason): Promise<void> {
    const flushed = [...this.#connections].map((connection) => connection.flushed());
    for (const connection of this.#connections) connection.close(reason);
    // io.close() alone would discard what was just sent.
    this.#io.disconnectSockets(true);
    await Promise.race([Promise.all(flushed), sleep(FLUSH_MS_MAX, undefined, { ref: false })]);
    await this.#io.close();
  }

  #refusalOf(request: IncomingMessage): string | null {
    if (this.#io.engine.clientsCount >= this.#options.connectionsMax) return 'too many connections';
    const { origin, host } = request.headers;
    // Only browsers send Origin. Without this check any page that the operator visits could use their server.
    if (origin === undefined || this.#options.allowedOrigins.includes(origin)) return null;
    return URL.canParse(origin) && new URL(origin).host === host ? null : 'this origin may not call';
  }
}

/** One client's connection: its requests one at a time, and its calls one after the other. */
class Connection {
  readonly #socket: SignalingSocket;
  readonly #options: SignalingServerOptions;
  readonly #rate: RequestRate;
  /** Of requests beyond the rate: at this rate they are answered too, above it the connection is closed. */
  readonly #excessRate: RequestRate;
  #call: CallSignaling | undefined;
  #queue: Promise<void> = Promise.resolve();
  #queuedCount = 0;
  #isClosed = false;

  constructor(socket: SignalingSocket, options: SignalingServerOptions) {
    this.#socket = socket;
    this.#options = options;
    const perSecond = options.requestsPerSecondMax;
    const burst = perSecond * REQUEST_BURST_SECONDS;
    this.#rate = new RequestRate(perSecond, burst, performance.now());
    this.#excessRate = new RequestRate(perSecond, burst, performance.now());
    socket.onAny((event: string | number, ...args: unknown[]) => this.#receive(event, args));
  }

  get hasCall(): boolean {
    return this.#call !== undefined && this.#call.state !== 'ended';
  }

  /** Ends its call. What is still queued is not begun: nobody is there for it, and a call of nobody's would hold a slot. */
  close(reason: EndReason): void {
    this.#isClosed = true;
    this.#call?.close(reason);
  }

  /** Resolves when the connection is closed and what was sent before has left. */
  flushed(): Promise<void> {
    return new Promise((resolve) => this.#socket.conn.once('close', () => resolve()));
  }

  #receive(event: string | number, args: unknown[]): void {
    const answer = args.at(-1);
    const tell = typeof answer === 'function' ? (answer as (answer: Answer<unknown>) => void) : undefined;
    try {
      this.#rate.take(performance.now());
    } catch (error) {
      this.#exceed(error, tell);
      return;
    }
    if (!tell) {
      this.#socket.emit('fault', {
        error: wireErrorOf(new SignalingError('ACK_MISSING', 'nothing to answer through')),
      });
      return;
    }
    try {
      const name = requestNameOf(event);
      const request = parseRequest(name, args.length === 2 ? args[0] : undefined);
      if (name === 'hangup') this.#hangUp(tell);
      else this.#enqueue(name, request, tell);
    } catch (error) {
      tell({ ok: false, error: this.#told(error) });
    }
  }

  /** Nothing is sent unasked over a request beyond the rate: what a client can draw from the server is limited too. */
  #exceed(error: unknown, tell: ((answer: Answer<unknown>) => void) | undefined): void {
    try {
      this.#excessRate.take(performance.now());
    } catch {
      this.#socket.disconnect(true);
      return;
    }
    tell?.({ ok: false, error: this.#told(error) });
  }

  /** Not queued: it has to work while `join` waits for its slot. */
  #hangUp(tell: (answer: Answer<unknown>) => void): void {
    checkOrder('hangup', this.#stateNow());
    this.#call?.hangUp();
    tell({ ok: true, value: {} });
  }

  #enqueue(name: RequestName, request: unknown, tell: (answer: Answer<unknown>) => void): void {
    if (this.#queuedCount >= QUEUED_REQUESTS_MAX) {
      throw new SignalingError('RATE_EXCEEDED', `${QUEUED_REQUESTS_MAX} requests are waiting for their answers`);
    }
    this.#queuedCount += 1;
    this.#queue = this.#queue
      .then(() => this.#run(name, request))
      .then((value): Answer<unknown> => ({ ok: true, value }))
      .catch((error: unknown): Answer<unknown> => ({ ok: false, error: this.#told(error) }))
      .then((answer) => {
        this.#queuedCount -= 1;
        tell(answer);
      });
  }

  #run(name: RequestName, request: unknown): Promise<unknown> {
    if (this.#isClosed) throw new SignalingError('CALL_CLOSED', `${name} of a connection that is closed`);
    checkOrder(name, this.#stateNow());
    if (name === 'join') this.#call = new CallSignaling(this.#socket, this.#options);
    const call = this.#call;
    if (!call) throw new SignalingError('REQUEST_OUT_OF_ORDER', `${name} before join`);
    // parseRequest checked each request against the schema of its name.
    switch (name) {
      case 'join':
        return call.join(request as RequestOf<'join'>);
      case 'transport:connect':
        return call.connectTransport(request as RequestOf<'transport:connect'>);
      case 'produce':
        return call.produce(request as RequestOf<'produce'>);
      case 'consume':
        return call.consume(request as RequestOf<'consume'>);
      case 'rejoin':
        return call.rejoin();
      case 'hangup':
        throw new SignalingError('INTERNAL', 'hangup is never queued');
    }
  }

  #stateNow(): CallState | 'idle' {
    return this.#call?.state ?? 'idle';
  }

  #told(error: unknown): ReturnType<typeof wireErrorOf> {
    if (!(error instanceof SignalingError)) this.#options.onDefect(error);
    return wireErrorOf(error);
  }
}

/** @throws {SignalingError} `REQUEST_OUT_OF_ORDER`, or `CALL_CLOSED` where the call is over. */
function checkOrder(name: RequestName, state: CallState | 'idle'): void {
  const allowed: readonly string[] = REQUESTS[name].allowedIn;
  if (allowed.includes(state)) return;
  if (state === 'ended') throw new SignalingError('CALL_CLOSED', `${name} after the call ended`);
  throw new SignalingError('REQUEST_OUT_OF_ORDER', `${name} while ${state}`);
}
