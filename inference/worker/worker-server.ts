import { createServer, type Server, type Socket } from 'node:net';
import { type Engine, FRAME_MS, type SlotOptions } from '../engine/engine.ts';
import { checkFrame } from '../engine/frame-check.ts';
import { InferenceError } from '../errors.ts';
import { Connection, type ConnectionHost } from './connection.ts';
import { FrameDesk } from './frame-desk.ts';
import { type Closed, FRAMES_AHEAD_MAX, type Frame, PROTOCOL_VERSION, type Ready } from './messages.ts';
import { encodeMessage } from './protocol.ts';
import { TickLoop, type TickResult } from './tick-loop.ts';

/**
 * How long the worker waits for the frame of a slot that is sending. It costs nothing while frames come in time, since
 * the step begins as soon as they all are there. A frame that misses it costs its caller 80 ms of speech, a tick that
 * waits costs everybody at most this once: so it is rather what a busy machine delays a sender by than what an idle one
 * does (0.5 ms).
 */
const GRACE_MS = 5;
const CONNECTIONS_MAX = 64;

/** What is worth writing down of a worker's life; each is told right after it happened. */
export interface WorkerObserver {
  slotOpened(slot: number, options: SlotOptions): void;
  slotClosed(slot: number): void;
  ticked(result: TickResult): void;
}

export interface WorkerServerOptions {
  readonly engine: Engine;
  /** Tests shorten it; clients are told. */
  readonly periodMs?: number;
  readonly graceMs?: number;
  readonly nowMs?: () => number;
  readonly observer?: WorkerObserver;
}

/** Serves an engine to any number of connections: listens, hands slots out, steps them all at each tick. */
export class WorkerServer implements ConnectionHost, AsyncDisposable {
  readonly #engine: Engine;
  readonly #desk = new FrameDesk();
  readonly #loop: TickLoop;
  readonly #graceMs: number;
  readonly #observer: WorkerObserver | undefined;
  readonly #connections = new Set<Connection>();
  readonly #ownerBySlot = new Map<number, Connection>();
  readonly #server: Server;
  readonly nowMs: () => number;
  /** Rejects if the engine fails: then the process should end. */
  readonly failed: Promise<never>;

  constructor(options: WorkerServerOptions) {
    this.#engine = options.engine;
    this.#graceMs = options.graceMs ?? GRACE_MS;
    this.#observer = options.observer;
    this.nowMs = options.nowMs ?? (() => performance.now());
    this.#loop = new TickLoop({
      engine: options.engine,
      desk: this.#desk,
      periodMs: options.periodMs ?? FRAME_MS,
      graceMs: this.#graceMs,
      nowMs: this.nowMs,
    });
    this.#loop.on('ticked', (result) => this.#ticked(result));
    this.failed = new Promise((_, reject) => this.#loop.on('failed', reject));
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** @returns when the socket accepts connections. */
  async listen(socketPath: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(socketPath, resolve);
    });
    this.#loop.start();
  }

  /** Ends every connection. The engine is its owner's to close. */
  async close(): Promise<void> {
    await this.#loop.stop();
    for (const connection of [...this.#connections]) connection.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  ready(): Ready {
    return {
      type: 'ready',
      version: PROTOCOL_VERSION,
      nowMs: this.nowMs(),
      tickZeroMs: this.#loop.grid.zeroMs,
      periodMs: this.#loop.grid.periodMs,
      graceMs: this.#graceMs,
      info: this.#engine.info,
    };
  }

  openSlot(connection: Connection, options: SlotOptions, opened: (result: number | InferenceError) => void): void {
    this.#loop.betweenSteps(() => {
      if (!connection.isOpen) return;
      try {
        const slot = this.#freeSlot();
        this.#engine.openSlot(slot, options);
        this.#ownerBySlot.set(slot, connection);
        connection.slots.add(slot);
        this.#desk.openSlot(slot);
        this.#observer?.slotOpened(slot, options);
        opened(slot);
      } catch (error) {
        if (!(error instanceof InferenceError)) throw error;
        opened(error);
      }
    });
  }

  closeSlot(slot: number): void {
    this.#endSlot(slot, 'asked');
  }

  pushFrame(frame: Frame, receivedMs: number): void {
    const { type: _, tickIndex, ...input } = frame;
    checkFrame(input, this.#engine.info);
    if (this.#desk.push(tickIndex, { ...input, receivedMs }) === 'early') {
      const { nextTick } = this.#desk;
      throw new InferenceError('FRAME_EARLY', `tick ${tickIndex} at ${nextTick}, over ${FRAMES_AHEAD_MAX} ahead`);
    }
    this.#loop.frameCame();
  }

  connectionClosed(connection: Connection): void {
    for (const slot of [...connection.slots]) this.closeSlot(slot);
    this.#connections.delete(connection);
  }

  #accept(socket: Socket): void {
    this.#connections.add(new Connection(socket, this));
  }

  #freeSlot(): number {
    for (let slot = 0; slot < this.#engine.info.slotCount; slot++) if (!this.#ownerBySlot.has(slot)) return slot;
    throw new InferenceError('SLOTS_FULL', `all ${this.#engine.info.slotCount} slots are taken`);
  }

  #ticked(result: TickResult): void {
    for (const [i, output] of result.outputs.entries()) {
      const owner = this.#ownerBySlot.get(output.slot);
      // Closed while it was being stepped: nobody waits for this reply.
      if (!owner?.slots.has(output.slot)) continue;
      if (output.fault) this.#endSlot(output.slot, output.fault);
      else this.#reply(owner, result, i);
    }
    this.#report(result);
    this.#observer?.ticked(result);
  }

  #reply(owner: Connection, result: TickResult, i: number): void {
    const { slot, pcm, text, textToken, transcript } = result.outputs[i]!;
    const { receivedMs } = result.inputs[i]!;
    const { tickIndex, beganMs, endedMs, stepMs } = result;
    owner.send({
      type: 'reply',
      slot,
      tickIndex,
      isDeficit: Number.isNaN(receivedMs),
      frameReceivedMs: receivedMs,
      stepBeganMs: beganMs,
      stepEndedMs: endedMs,
      stepMs,
      textToken,
      text,
      ...(transcript !== undefined && { transcript }),
      pcm,
    });
  }

  /** At once for the client, whose replies end here, and between two steps for the engine. */
  #endSlot(slot: number, reason: Closed['reason']): void {
    const owner = this.#ownerBySlot.get(slot)!;
    owner.slots.delete(slot);
    this.#desk.closeSlot(slot);
    this.#loop.betweenSteps(() => {
      this.#ownerBySlot.delete(slot);
      this.#engine.closeSlot(slot);
      this.#observer?.slotClosed(slot);
    });
    owner.send({ type: 'closed', slot, reason });
  }

  #report(result: TickResult): void {
    const bytes = encodeMessage({
      type: 'tick',
      tickIndex: result.tickIndex,
      stepMs: result.stepMs,
      beganLateMs: result.beganLateMs,
      steppedSlotCount: result.inputs.length,
      openSlotCount: this.#desk.openSlotCount,
      batchSize: result.batchSize,
      lateTickCount: result.lateTickCount,
      skippedTickCount: result.skippedTickCount,
      frameDeficitCount: this.#desk.frameDeficitCount,
      lateFrameCount: this.#desk.lateFrameCount,
    });
    for (const connection of this.#connections) {
      connection.ticked();
      if (connection.isOpen) connection.sendBytes(bytes);
    }
  }
}
