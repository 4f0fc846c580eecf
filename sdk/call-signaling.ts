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

/** One connection to the server: typed requests, typed events, and every failure a CallError. */
export class CallSignaling {
  readonly #socket: Socket<ServerToClientEvents, ClientToServerEvents>;

  constructor(url: string) {
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

  /** @throws CallError `SERVER_GONE` after 6 s at the latest. */
  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.once('connect', resolve);
      this.#socket.once('connect_error', (error) => {
        reject(new CallError('SERVER_GONE', 'the server does not answer', { cause: error }));
      });
      this.#socket.connect();
    });
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
