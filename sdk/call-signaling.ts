import { io, type Socket } from 'socket.io-client';
import type {
  Answer,
  ClientToServerEvents,
  EventName,
  EventOf,
  RequestName,
  RequestOf,
  ServerToClientEvents,
  ValueOf,
} from '../signaling/index.ts';
import { CallError } from './errors.ts';

// The type is signaling's own literal, so that the compiler notices when the two drift apart.
export const PROTOCOL_VERSION: typeof import('../signaling/index.ts').PROTOCOL_VERSION = 1;

const CONNECT_MS_MAX = 6_000;
const ANSWER_MS_MAX = 6_000;
const PROBE_MS_MAX = 2_000;

/** One connection to the server: typed requests, typed events, and every failure a CallError. */
export class CallSignaling {
  readonly #url: string;
  readonly #socket: Socket<ServerToClientEvents, ClientToServerEvents>;

  constructor(url: string) {
    this.#url = url;
    this.#socket = io(url, {
      // A WebSocket from the first byte: long polling would cost round trips before the call begins.
      transports: ['websocket'],
      // The server ends the call of a connection that is gone, so coming back is for the person to decide.
      reconnection: false,
      timeout: CONNECT_MS_MAX,
      forceNew: true,
      autoConnect: false,
    });
  }

  /** @throws CallError `SERVER_GONE` after 8 s at the latest, or `SERVER_REFUSED`. */
  async connect(): Promise<void> {
    const failure = await new Promise<Error | undefined>((resolve) => {
      this.#socket.once('connect', () => resolve(undefined));
      this.#socket.once('connect_error', resolve);
      this.#socket.connect();
    });
    if (!failure) return;
    // A browser does not tell why a WebSocket was not opened.
    const isThere = await answersHttp(this.#url);
    throw isThere
      ? new CallError('SERVER_REFUSED', 'the server opens no connection', { cause: failure })
      : new CallError('SERVER_GONE', 'the server does not answer', { cause: failure });
  }

  /** @throws CallError with the server's own code, or `SERVER_GONE` where no answer came within 6 s. */
  async request<Name extends RequestName>(name: Name, request: RequestOf<Name>): Promise<ValueOf<Name>> {
    // socket.io's own types lose the tie between a name and its answer behind a generic name.
    const emit = this.#socket
      .timeout(ANSWER_MS_MAX)
      .emitWithAck.bind(this.#socket.timeout(ANSWER_MS_MAX)) as unknown as (
      name: Name,
      request: RequestOf<Name>,
    ) => Promise<Answer<ValueOf<Name>>>;
    let answer: Answer<ValueOf<Name>>;
    try {
      answer = await emit(name, request);
    } catch (error) {
      throw new CallError('SERVER_GONE', `no answer to '${name}'`, { cause: error });
    }
    if (!answer.ok) throw new CallError(answer.error);
    return answer.value;
  }

  on<Name extends EventName>(name: Name, listener: (payload: EventOf<Name>) => void): void {
    (this.#socket as unknown as Socket).on(name as string, listener);
  }

  onDisconnected(listener: () => void): void {
    this.#socket.on('disconnect', listener);
  }

  close(): void {
    this.#socket.off();
    this.#socket.disconnect();
  }
}

/** @returns true where the server that signaling is a part of answers, whatever it says. */
async function answersHttp(url: string): Promise<boolean> {
  try {
    // Another origin's answer may not be read, only noticed: its status is 0.
    const options: RequestInit = { mode: 'no-cors', cache: 'no-store', signal: AbortSignal.timeout(PROBE_MS_MAX) };
    const { status } = await fetch(new URL('/socket.io/', url), options);
    // A proxy before a server that is gone answers 502 to 504.
    return status < 500;
  } catch {
    // Unreachable, or too slow: as good as gone.
    return false;
  }
}
