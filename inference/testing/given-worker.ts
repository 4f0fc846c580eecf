import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { type Engine, FRAME_SAMPLES, type SlotInput, type SlotOptions, type SlotOutput } from '../engine/engine.ts';
import { LoopbackEngine } from '../loopback/loopback-engine.ts';
import { type ClientMessage, PROTOCOL_VERSION, type WorkerMessage } from '../worker/messages.ts';
import { encodeMessage, MessageDecoder } from '../worker/protocol.ts';
import { WorkerServer } from '../worker/worker-server.ts';

/** Remembers all it has heard, as a model does: one lost, doubled or foreign frame changes every later output. */
export class RememberingEngine extends LoopbackEngine {
  readonly #memory = new Map<number, number>();
  readonly stepsMs: number[] = [];
  breakAt: { slot: number; value: number } | undefined;

  override openSlot(slot: number, options: SlotOptions): void {
    super.openSlot(slot, options);
    this.#memory.set(slot, Number(options.seed));
  }

  override async step(inputs: readonly SlotInput[]): Promise<readonly SlotOutput[]> {
    const outputs = await super.step(inputs);
    const blockMs = this.stepsMs.shift() ?? 0;
    if (blockMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
    return outputs.map((output) => {
      const memory = (this.#memory.get(output.slot)! * 31 + output.pcm[0]! * 1024) % 65_521;
      this.#memory.set(output.slot, memory);
      const isBroken = this.breakAt?.slot === output.slot && this.breakAt.value === output.pcm[0];
      return {
        ...output,
        pcm: output.pcm.map((v) => v + memory),
        ...(isBroken ? { fault: 'not-finite' as const } : {}),
      };
    });
  }
}

/** Says that it hears the first sample of each frame, after words of its own. */
export class TranscribingEngine extends LoopbackEngine {
  readonly #words: string;

  constructor(slotCount: number, words: string) {
    super({ slotCount });
    Object.assign(this.info, { hasTranscript: true });
    this.#words = words;
  }

  override async step(inputs: readonly SlotInput[]): Promise<readonly SlotOutput[]> {
    const outputs = await super.step(inputs);
    return outputs.map((output) => ({ ...output, transcript: `${this.#words} ${output.pcm[0]}` }));
  }
}

/** A worker of this very process, listening. */
export async function givenServer(socketPath: string, engine: Engine, periodMs = 80): Promise<WorkerServer> {
  const server = new WorkerServer({ engine, periodMs });
  await server.listen(socketPath);
  return server;
}

export const pcmOf = (value: number) => new Float32Array(FRAME_SAMPLES).fill(value);
export const speech = (count: number, of = 0) => Array.from({ length: count }, (_, i) => ({ pcm: pcmOf(of + i / 64) }));

/** Speaks the protocol by hand, right or wrong. */
export class RawClient {
  readonly socket: Socket;
  readonly received: WorkerMessage[] = [];
  readonly closed: Promise<unknown>;

  constructor(socketPath: string) {
    this.socket = createConnection(socketPath);
    this.closed = once(this.socket, 'close');
    this.socket.on('error', () => undefined);
    const decoder = new MessageDecoder<WorkerMessage>('worker');
    this.socket.on('data', (chunk) => this.received.push(...decoder.push(chunk)));
  }

  send(...messages: ClientMessage[]): void {
    for (const message of messages) this.socket.write(encodeMessage(message));
  }

  /** What came, tick reports left out. */
  get answers(): WorkerMessage[] {
    return this.received.filter(({ type }) => type !== 'tick');
  }
}

export const HELLO: ClientMessage = { type: 'hello', versionMin: 1, versionMax: PROTOCOL_VERSION };
