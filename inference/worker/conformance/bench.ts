import { EventEmitter, once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { FRAME_SAMPLES } from '../../engine/engine.ts';
import { type ClientMessage, PROTOCOL_VERSION, type Ready, type SlotReply, type WorkerMessage } from '../messages.ts';
import { encodeMessage, MessageDecoder } from '../protocol.ts';

export type MessageOf<T extends WorkerMessage['type']> = Extract<WorkerMessage, { type: T }>;

const ANSWER_WITHIN_MS = 1000;

/** The clients of one trial, all of them hung up when it ends. */
export class Bench implements AsyncDisposable {
  readonly #socketPath: string;
  readonly #clients: TrialClient[] = [];

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Connects, and says nothing yet. */
  async connect(): Promise<TrialClient> {
    const socket = createConnection(this.#socketPath);
    await once(socket, 'connect');
    const client = new TrialClient(socket);
    this.#clients.push(client);
    return client;
  }

  /** Connects and says hello, in this version only. */
  async greet(version = PROTOCOL_VERSION): Promise<{ client: TrialClient; ready: Ready }> {
    const client = await this.connect();
    client.send({ type: 'hello', versionMin: version, versionMax: version });
    return { client, ready: await client.next('ready') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.hangUp()));
  }
}

/** A client that says what it is told to, right or wrong, and keeps what it hears. */
export class TrialClient {
  /** In the order of arrival, with this process's time. */
  readonly received: { readonly message: WorkerMessage; readonly atMs: number }[] = [];
  readonly #socket: Socket;
  readonly #heard = new EventEmitter<{ message: []; ended: [] }>();
  #hasEnded = false;
  #problem: unknown;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#heard.setMaxListeners(0);
    const decoder = new MessageDecoder<WorkerMessage>('worker');
    socket.on('data', (chunk) => {
      try {
        for (const message of decoder.push(chunk)) this.received.push({ message, atMs: performance.now() });
      } catch (error) {
        this.#problem = error;
        socket.destroy();
      }
      this.#heard.emit('message');
    });
    // What it means shows in what was received.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#hasEnded = true;
      this.#heard.emit('message');
      this.#heard.emit('ended');
    });
  }

  send(...messages: ClientMessage[]): void {
    for (const message of messages) this.#socket.write(encodeMessage(message));
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  all<T extends WorkerMessage['type']>(type: T): MessageOf<T>[] {
    return this.received.flatMap(({ message }) => (message.type === type ? [message as MessageOf<T>] : []));
  }

  /** The first message of a type that `fits`, past or to come. @throws where none comes in time. */
  async next<T extends WorkerMessage['type']>(
    type: T,
    fits: (message: MessageOf<T>) => boolean = () => true,
    withinMs = ANSWER_WITHIN_MS,
  ): Promise<MessageOf<T>> {
    const untilMs = performance.now() + withinMs;
    for (;;) {
      const found = this.all(type).find(fits);
      if (found) return found;
      if (this.#problem) throw new Error(`it wrote what is no message: ${this.#problem}`);
      const restMs = untilMs - performance.now();
      if (this.#hasEnded || restMs <= 0) throw new Error(`no such ${type} came${this.#hasEnded ? ', it hung up' : ''}`);
      await this.#change('message', restMs);
    }
  }

  /** The tick that comes after this call. */
  nextTick(): Promise<MessageOf<'tick'>> {
    const seen = this.all('tick').at(-1)?.tickIndex ?? -1;
    return this.next('tick', ({ tickIndex }) => tickIndex > seen);
  }

  /** @throws unless the worker hangs up, after a fatal error of this code. */
  async expectFatal(code: string, withinMs = ANSWER_WITHIN_MS): Promise<void> {
    const error = await this.next('error', ({ isFatal }) => isFatal, withinMs);
    if (error.code !== code) throw new Error(`the error is ${error.code}, not ${code}`);
    if (!(await this.isCutOff())) throw new Error('it did not hang up after a fatal error');
  }

  /** Whether the worker hangs up, or has. */
  async isCutOff(withinMs = ANSWER_WITHIN_MS): Promise<boolean> {
    if (!this.#hasEnded) await this.#change('ended', withinMs);
    return this.#hasEnded;
  }

  /** What the worker writes from now on stays unread. */
  stopReading(): void {
    this.#socket.pause();
  }

  async openSlot(seed: bigint, requestId = 1): Promise<number> {
    const before = this.all('opened').length;
    this.send({ type: 'openSlot', requestId, options: { seed } });
    await this.next('opened', (opened) => this.all('opened').indexOf(opened) >= before);
    const opened = this.all('opened').at(-1)!;
    if (opened.requestId !== requestId) throw new Error(`opened repeats request ${opened.requestId}, not ${requestId}`);
    return opened.slot;
  }

  /**
   * Sends the frames of the next ticks but one ahead of time, so that a trial does not hang on this process's timers.
   * @param frames at most 6; `undefined` leaves a tick out.
   * @param replaced sent before them for the same ticks.
   * @returns the replies of these ticks, as they came.
   */
  async speak(
    slot: number,
    frames: readonly (Float32Array | undefined)[],
    replaced: readonly Float32Array[] = [],
  ): Promise<SlotReply[]> {
    const { tickIndex } = await this.nextTick();
    const from = tickIndex + 2;
    const to = from + frames.length - 1;
    for (const [i, pcm] of replaced.entries()) this.send({ type: 'frame', slot, tickIndex: from + i, pcm });
    for (const [i, pcm] of frames.entries()) if (pcm) this.send({ type: 'frame', slot, tickIndex: from + i, pcm });
    await this.next('tick', (tick) => tick.tickIndex >= to, 3000);
    return this.all('reply').filter((reply) => reply.slot === slot && reply.tickIndex >= from);
  }

  async hangUp(): Promise<void> {
    this.#socket.destroy();
    if (!this.#hasEnded) await this.#change('ended', ANSWER_WITHIN_MS);
  }

  async #change(event: 'message' | 'ended', withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#heard.once(event, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Frames that differ from each other and from silence: a rising tone. */
export function trialFrames(count: number): Float32Array[] {
  return Array.from({ length: count }, (_, k) =>
    Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => 0.2 * Math.sin((i * (k + 3)) / 40)),
  );
}

const ATTEMPTS_MAX = 3;

/**
 * A short call; one that a busy machine robbed of a tick is tried again.
 * @param replaced as for `speak`.
 * @returns its bits in one string.
 */
export async function callOnce(
  client: TrialClient,
  seed: bigint,
  frames = trialFrames(6),
  replaced: readonly Float32Array[] = [],
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const slot = await client.openSlot(seed);
    const replies = await client.speak(slot, frames, replaced);
    const closedBefore = client.all('closed').length;
    client.send({ type: 'closeSlot', slot });
    await client.next('closed', (closed) => client.all('closed').indexOf(closed) >= closedBefore);
    if (replies.length === frames.length && replies.every(({ isDeficit }) => !isDeficit)) {
      return replies
        .map((reply) => [reply.textToken, reply.transcript, Buffer.from(reply.pcm.buffer).toString('base64')].join(':'))
        .join();
    }
    if (attempt === ATTEMPTS_MAX) throw new Error(`${replies.length} replies to ${frames.length} frames`);
  }
}
