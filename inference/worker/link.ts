import { EventEmitter } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import type { EngineInfo, SlotOptions } from '../engine/engine.ts';
import { INFERENCE_ERRORS, InferenceError, type InferenceErrorCode } from '../errors.ts';
import type { LinkCloseReason, TickClock, WorkerLinkEvents } from './api.ts';
import { WorkerClock } from './clock.ts';
import {
  type ClientMessage,
  PROTOCOL_VERSION,
  PROTOCOL_VERSION_MIN,
  type Ready,
  type Refusal,
  type SlotReply,
  type WorkerMessage,
} from './messages.ts';
import { encodeMessage, MessageDecoder } from './protocol.ts';
import { WorkerSlot } from './worker-slot.ts';

const READY_WITHIN_MS = 2000;
/** At the start pings follow each other until one has met an idle worker; then there is one a second. */
const FIRST_PINGS_MAX = 8;
const GOOD_UNCERTAINTY_MS = 0.25;
const PING_EVERY_MS = 1000;
/** Pings whose pong may still come. */
const PINGS_KEPT = 64;
/** Beyond two ticks without a report: what a busy machine delays them by. */
const STALL_MARGIN_MS = 20;
const STALL_CHECK_MS = 20;

interface OpenRequest {
  readonly resolve: (slot: WorkerSlot) => void;
  readonly reject: (error: InferenceError) => void;
}

/** Connects to a worker's socket. @throws InferenceError `LINK_CLOSED`, `VERSION_UNSUPPORTED`, `PROTOCOL_INVALID` */
export async function connectWorker(socketPath: string): Promise<WorkerLink> {
  const socket = createConnection({ path: socketPath, noDelay: true });
  try {
    return await WorkerLink.overSocket(socket, socketPath);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** A connection to an inference worker. All times are this process's `performance.now()`. */
export class WorkerLink extends EventEmitter<WorkerLinkEvents> implements AsyncDisposable {
  readonly info: EngineInfo;
  readonly #clock: WorkerClock;
  readonly #socket: Socket;
  readonly #slots = new Map<number, WorkerSlot>();
  readonly #openRequests = new Map<number, OpenRequest>();
  readonly #pingSentMs = new Map<number, number>();
  readonly #pingTimer: NodeJS.Timeout;
  readonly #stallTimer: NodeJS.Timeout;
  readonly #ended = Promise.withResolvers<void>();
  #state: 'open' | 'closing' | 'closed' = 'open';
  #requestId = 0;
  #pingId = 0;
  #heardMs = performance.now();
  #isStalled = false;
  #pongCame = () => {};

  private constructor(socket: Socket, ready: Ready) {
    super();
    this.#socket = socket;
    this.info = ready.info;
    this.#clock = new WorkerClock(ready.tickZeroMs, ready.periodMs, ready.graceMs);
    this.#pingTimer = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.#stallTimer = setInterval(() => this.#checkStall(), STALL_CHECK_MS);
    socket.on('close', () => this.#end(this.#state === 'closing' ? 'closed' : 'peer-closed'));
  }

  /** Says hello over a connecting socket, and learns the worker's clock. */
  static async overSocket(socket: Socket, name: string): Promise<WorkerLink> {
    const opened = Promise.withResolvers<WorkerLink>();
    const decoder = new MessageDecoder<WorkerMessage>('worker');
    let link: WorkerLink | undefined;
    const fail = (error: InferenceError) => (link ? link.#end('protocol-error') : opened.reject(error));
    const timer = setTimeout(
      () => fail(new InferenceError('LINK_CLOSED', `${name} was not ready within ${READY_WITHIN_MS} ms`)),
      READY_WITHIN_MS,
    );
    // Once there is a link, `close` follows and tells.
    socket.on('error', (cause) => {
      if (!link) fail(new InferenceError('LINK_CLOSED', `${name}: ${cause.message}`, { cause }));
    });
    socket.on('close', () => {
      if (!link) fail(new InferenceError('LINK_CLOSED', `${name} hung up`));
    });
    socket.on('data', (chunk) => {
      try {
        for (const message of decoder.push(chunk)) {
          if (link) link.#handle(message);
          else if (message.type === 'ready') {
            link = new WorkerLink(socket, message);
            opened.resolve(link);
          } else throw asError(message);
        }
      } catch (error) {
        if (!(error instanceof InferenceError)) throw error;
        fail(error);
      }
    });
    socket.write(encodeMessage({ type: 'hello', versionMin: PROTOCOL_VERSION_MIN, versionMax: PROTOCOL_VERSION }));
    try {
      const ready = await opened.promise;
      await ready.#learnClock();
      return ready;
    } finally {
      clearTimeout(timer);
    }
  }

  get clock(): TickClock {
    return this.#clock;
  }

  /** @throws InferenceError `SLOTS_FULL`, `SAMPLING_INVALID`, `ATTRIBUTE_UNKNOWN`, `LINK_CLOSED` */
  openSlot(options: SlotOptions): Promise<WorkerSlot> {
    if (this.#state !== 'open') return Promise.reject(new InferenceError('LINK_CLOSED', 'openSlot after the end'));
    const { promise, resolve, reject } = Promise.withResolvers<WorkerSlot>();
    const requestId = ++this.#requestId;
    this.#openRequests.set(requestId, { resolve, reject });
    this.#send({ type: 'openSlot', requestId, options });
    return promise;
  }

  /** Idempotent; the worker frees this link's slots. */
  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#socket.end();
      this.#socket.destroySoon();
    }
    return this.#ended.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #send(message: ClientMessage): void {
    if (this.#state === 'open') this.#socket.write(encodeMessage(message));
  }

  #handle(message: WorkerMessage): void {
    this.#heard();
    switch (message.type) {
      case 'reply':
        this.#replied(message);
        return;
      case 'tick': {
        const { type: _, ...report } = message;
        this.emit('tick', report);
        return;
      }
      case 'pong':
        this.#ponged(message.id, message.nowMs);
        return;
      case 'opened':
        this.#opened(message.requestId, message.slot);
        return;
      case 'closed': {
        const slot = this.#slots.get(message.slot);
        this.#slots.delete(message.slot);
        slot?.slotClosed(message.reason === 'asked' ? 'closed' : message.reason);
        return;
      }
      case 'error':
        this.#refused(message);
        return;
      case 'ready':
        throw new InferenceError('PROTOCOL_INVALID', 'a second ready');
      default:
        message satisfies never;
    }
  }

  #replied({ type: _, frameReceivedMs, stepBeganMs, stepEndedMs, ...rest }: SlotReply): void {
    this.#slots.get(rest.slot)?.emit('reply', {
      ...rest,
      frameReceivedAtMs: this.#clock.toLocalMs(frameReceivedMs),
      stepBeganAtMs: this.#clock.toLocalMs(stepBeganMs),
      stepEndedAtMs: this.#clock.toLocalMs(stepEndedMs),
    });
  }

  #opened(requestId: number, number: number): void {
    const slot = new WorkerSlot(number, (message) => this.#send(message));
    this.#slots.set(number, slot);
    this.#openRequests.get(requestId)?.resolve(slot);
    this.#openRequests.delete(requestId);
  }

  #refused(message: Refusal): void {
    if (message.isFatal) throw asError(message);
    this.#openRequests.get(message.requestId)?.reject(asError(message));
    this.#openRequests.delete(message.requestId);
    this.#slots.get(message.slot)?.emit('fault', message.code, message.detail);
  }

  async #learnClock(): Promise<void> {
    for (let i = 0; i < FIRST_PINGS_MAX && this.#clock.uncertaintyMs > GOOD_UNCERTAINTY_MS; i++) {
      const ponged = new Promise<void>((resolve) => {
        this.#pongCame = resolve;
      });
      this.#ping();
      await Promise.race([ponged, this.#ended.promise]);
    }
    if (this.#state !== 'open') throw new InferenceError('LINK_CLOSED', 'hung up while its clock was being learnt');
  }

  #ping(): void {
    const id = ++this.#pingId;
    this.#pingSentMs.set(id, performance.now());
    this.#pingSentMs.delete(id - PINGS_KEPT);
    this.#send({ type: 'ping', id });
  }

  #ponged(id: number, workerMs: number): void {
    const sentMs = this.#pingSentMs.get(id);
    if (sentMs === undefined) return;
    this.#pingSentMs.delete(id);
    this.#clock.addPong(sentMs, workerMs, performance.now());
    this.#pongCame();
  }

  #heard(): void {
    this.#heardMs = performance.now();
    if (!this.#isStalled) return;
    this.#isStalled = false;
    this.emit('resumed');
  }

  #checkStall(): void {
    const isLate = () => performance.now() - this.#heardMs > 2 * this.#clock.periodMs + STALL_MARGIN_MS;
    if (this.#isStalled || !isLate()) return;
    // It may be this process that was held up: then the worker's messages lie in the socket and are read first.
    setImmediate(() => {
      if (this.#isStalled || this.#state !== 'open' || !isLate()) return;
      this.#isStalled = true;
      this.emit('stalled', performance.now() - this.#heardMs);
    });
  }

  #end(reason: LinkCloseReason): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearInterval(this.#pingTimer);
    clearInterval(this.#stallTimer);
    this.#socket.destroy();
    for (const request of this.#openRequests.values()) {
      request.reject(new InferenceError('LINK_CLOSED', `before openSlot was answered: ${reason}`));
    }
    this.#openRequests.clear();
    for (const slot of this.#slots.values()) slot.slotClosed('link-closed');
    this.#slots.clear();
    this.#ended.resolve();
    this.emit('closed', reason);
  }
}

function asError(message: WorkerMessage): InferenceError {
  if (message.type !== 'error') return new InferenceError('PROTOCOL_INVALID', `${message.type} in place of ready`);
  const code = message.code in INFERENCE_ERRORS ? (message.code as InferenceErrorCode) : 'PROTOCOL_INVALID';
  return new InferenceError(code, message.detail);
}
