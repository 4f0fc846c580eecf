import type { Socket } from 'node:net';
import type { SlotOptions } from '../engine/engine.ts';
import { INFERENCE_ERRORS, InferenceError } from '../errors.ts';
import {
  type ClientMessage,
  type Frame,
  PROTOCOL_VERSION,
  type Ready,
  type Refusal,
  type WorkerMessage,
} from './messages.ts';
import { encodeMessage, MessageDecoder } from './protocol.ts';
import { commonVersion, inVersion } from './versions.ts';

/** What a connection asks of the worker behind it. Methods throw InferenceError to refuse. */
export interface ConnectionHost {
  ready(): Ready;
  nowMs(): number;
  /** Calls back between two steps, with the slot or with why there is none. */
  openSlot(connection: Connection, options: SlotOptions, opened: (result: number | InferenceError) => void): void;
  closeSlot(slot: number): void;
  pushFrame(frame: Frame, receivedMs: number): void;
  connectionClosed(connection: Connection): void;
}

const HELLO_WITHIN_MS = 2000;
/** Bytes that a client may leave unread: seconds of replies. Beyond, it is cut off, so that it costs no more memory. */
const UNREAD_BYTES_MAX = 8 * 1024 * 1024;
/** 64 slots need 64 frames a tick; a client that sends this many messages only keeps the worker from its tick. */
const MESSAGES_PER_TICK_MAX = 1024;
/** How long a refused client has to read why. */
const LINGER_MS = 500;

/** One client of a worker: reads its messages, owns its slots. What it does wrong costs this connection at most. */
export class Connection {
  readonly slots = new Set<number>();
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #decoder = new MessageDecoder<ClientMessage>('client');
  readonly #helloTimer: NodeJS.Timeout;
  #state: 'new' | 'open' | 'closed' = 'new';
  #version = PROTOCOL_VERSION;
  #messageCount = 0;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.#helloTimer = setTimeout(
      () => this.#fail(new InferenceError('PROTOCOL_INVALID', `no hello within ${HELLO_WITHIN_MS} ms`)),
      HELLO_WITHIN_MS,
    );
    socket.on('data', (chunk) => this.#read(chunk));
    // A reset or a broken pipe: `close` follows and is all that matters.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed());
  }

  /** True between hello and the end. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  send(message: WorkerMessage): void {
    if (this.#state !== 'closed') this.sendBytes(encodeMessage(inVersion(message, this.#version)));
  }

  sendBytes(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > UNREAD_BYTES_MAX) this.destroy();
  }

  /** A new tick, a new allowance. */
  ticked(): void {
    this.#messageCount = 0;
  }

  destroy(): void {
    this.#socket.destroy();
    this.#closed();
  }

  #read(chunk: Buffer): void {
    if (this.#hasEnded()) return;
    const receivedMs = this.#host.nowMs();
    try {
      for (const message of this.#decoder.push(chunk)) {
        if (this.#hasEnded()) return;
        if (++this.#messageCount > MESSAGES_PER_TICK_MAX) {
          throw new InferenceError('PROTOCOL_INVALID', `over ${MESSAGES_PER_TICK_MAX} messages within a tick`);
        }
        if (this.#state === 'new') this.#greet(message);
        else this.#handle(message, receivedMs);
      }
    } catch (error) {
      if (!(error instanceof InferenceError)) throw error;
      this.#fail(error);
    }
  }

  #greet(message: ClientMessage): void {
    if (message.type !== 'hello') throw new InferenceError('PROTOCOL_INVALID', `${message.type} before hello`);
    this.#version = commonVersion(message.versionMin, message.versionMax);
    clearTimeout(this.#helloTimer);
    this.#state = 'open';
    this.send(this.#host.ready());
  }

  #handle(message: ClientMessage, receivedMs: number): void {
    switch (message.type) {
      case 'hello':
        throw new InferenceError('PROTOCOL_INVALID', 'a second hello');
      case 'ping':
        this.send({ type: 'pong', id: message.id, nowMs: receivedMs });
        return;
      case 'openSlot':
        this.#host.openSlot(this, message.options, (result) => {
          if (result instanceof InferenceError) this.#refuse(result, { requestId: message.requestId });
          else this.send({ type: 'opened', requestId: message.requestId, slot: result });
        });
        return;
      case 'closeSlot':
        this.#ofSlot(message.slot, () => this.#host.closeSlot(message.slot));
        return;
      case 'frame':
        this.#ofSlot(message.slot, () => this.#host.pushFrame(message, receivedMs));
        return;
      default:
        message satisfies never;
    }
  }

  /** Well-formed but wrong: refused, and the connection goes on. */
  #ofSlot(slot: number, act: () => void): void {
    try {
      if (!this.slots.has(slot)) throw new InferenceError('SLOT_CLOSED', `slot ${slot} is not open on this connection`);
      act();
    } catch (error) {
      if (!(error instanceof InferenceError)) throw error;
      this.#refuse(error, { slot });
    }
  }

  #refuse(error: InferenceError, about: Partial<Pick<Refusal, 'isFatal' | 'requestId' | 'slot'>>): void {
    const detail = error.message.slice(error.code.length + 2);
    const { fix } = INFERENCE_ERRORS[error.code];
    this.send({ type: 'error', code: error.code, detail, fix, isFatal: false, requestId: 0, slot: -1, ...about });
  }

  #fail(error: InferenceError): void {
    this.#refuse(error, { isFatal: true });
    this.#socket.end();
    this.#closed();
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
  }

  #hasEnded(): boolean {
    return this.#state === 'closed';
  }

  #closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#helloTimer);
    this.#host.connectionClosed(this);
  }
}
