import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { ClientMessage, SlotReply, WorkerMessage } from '../messages.ts';
import { encodeMessage, MessageDecoder } from '../protocol.ts';

/** How one connection of a wrong worker differs from the right one behind it. */
interface Deviation {
  /** In place of what the client said. Absent: its bytes are passed on as they are. */
  fromClient?(message: ClientMessage): readonly ClientMessage[];
  /** In place of what the worker said. */
  fromWorker?(message: WorkerMessage): readonly WorkerMessage[];
  /** How long a reply is held back. */
  readonly replyDelayMs?: number;
  /** The client's end is kept from the worker. */
  readonly keepsConnection?: boolean;
  /** The worker's end is kept from the client. */
  readonly hidesEnd?: boolean;
}

const asIs = <T>(message: T): readonly T[] => [message];
const withoutErrors = (code: string): Deviation => ({
  fromWorker: (message) => (message.type === 'error' && message.code === code ? [] : [message]),
});
/** A change of one bit in the last place, which nobody would hear. */
const nudged = (reply: SlotReply, by: number): SlotReply => ({ ...reply, pcm: reply.pcm.map((v) => v + by * 1e-7) });

let connectionCount = 0;

/** One way to be wrong for each clause, made anew for every connection. */
export const DEVIATIONS: Readonly<Record<string, () => Deviation>> = {
  greets: () => ({ fromWorker: (m) => [m.type === 'ready' ? { ...m, periodMs: Number.NaN } : m] }),
  'keeps-to-the-version': () => ({
    fromClient: (m) => [m.type === 'hello' ? { ...m, versionMin: 2, versionMax: 2 } : m],
  }),
  'transcribes-as-stated': () => ({ fromWorker: (m) => [m.type === 'reply' ? { ...m, transcript: '' } : m] }),
  'refuses-unknown-versions': () => ({
    fromClient: (m) => [m.type === 'hello' ? { ...m, versionMin: 1, versionMax: 1 } : m],
  }),
  'demands-hello': () => {
    let isFirst = true;
    return {
      fromClient(message) {
        const adds = isFirst && message.type !== 'hello';
        isFirst = false;
        return adds ? [{ type: 'hello', versionMin: 1, versionMax: 1 }, message] : [message];
      },
    };
  },
  'awaits-hello': () => ({ ...withoutErrors('PROTOCOL_INVALID'), hidesEnd: true }),
  'refuses-bad-options': () => ({
    fromClient: (m) => [m.type === 'openSlot' ? { ...m, options: { seed: m.options.seed } } : m],
  }),
  'ends-replies': () => {
    let [last, isClosed]: [SlotReply | undefined, boolean] = [undefined, false];
    return {
      fromWorker(message) {
        if (message.type === 'reply') last = message;
        isClosed ||= message.type === 'closed';
        return isClosed && last && message.type === 'tick' ? [last, message] : [message];
      },
    };
  },
  'takes-the-last-frame': () => {
    const taken = new Set<string>();
    return {
      fromClient(message) {
        if (message.type !== 'frame') return [message];
        const key = `${message.slot} ${message.tickIndex}`;
        const isFirst = !taken.has(key);
        taken.add(key);
        return isFirst ? [message] : [];
      },
    };
  },
  'limits-messages': () => {
    let pingCount = 0;
    return { fromClient: (m) => (m.type === 'ping' && ++pingCount > 100 ? [] : [m]) };
  },
  'limits-connections': () => ({ hidesEnd: true }),
  // Whoever reads in the client's place hides from the worker that it does not.
  'cuts-off-who-does-not-read': () => withoutErrors('ATTRIBUTE_UNKNOWN'),
  // Decoding on the way, it stops at the first wrong byte and says nothing.
  'refuses-malformed': () => ({ fromClient: asIs }),
  'answers-pings': () => ({ fromWorker: (m) => [m.type === 'pong' ? { ...m, nowMs: m.nowMs * 3 } : m] }),
  'counts-slots': () => ({ fromWorker: (m) => [m.type === 'error' ? { ...m, code: 'SLOT_BUSY' } : m] }),
  'guards-slots': () => withoutErrors('SLOT_CLOSED'),
  'frees-slots': () => ({ keepsConnection: true }),
  'begins-anew': () => {
    let openedCount = 0;
    return {
      fromWorker(message) {
        if (message.type === 'opened') openedCount++;
        return [message.type === 'reply' ? nudged(message, openedCount) : message];
      },
    };
  },
  'keeps-neighbours': () => {
    const own = ++connectionCount;
    return { fromWorker: (m) => [m.type === 'reply' ? nudged(m, connectionCount - own) : m] };
  },
  'steps-every-tick': () => ({ fromWorker: (m) => (m.type === 'reply' && m.tickIndex % 3 === 0 ? [] : [m]) }),
  'replies-in-time': () => ({ fromWorker: asIs, replyDelayMs: 100 }),
  'reports-ticks': () => ({ fromWorker: (m) => (m.type === 'tick' && m.tickIndex % 4 === 0 ? [] : [m]) }),
  'counts-deficits': () => ({ fromWorker: (m) => [m.type === 'reply' ? { ...m, isDeficit: false } : m] }),
  'drops-late-frames': () => ({ fromWorker: (m) => [m.type === 'tick' ? { ...m, lateFrameCount: 0 } : m] }),
  'refuses-early-frames': () => withoutErrors('FRAME_EARLY'),
  'refuses-bad-frames': () => ({ fromWorker: (m) => [m.type === 'error' ? { ...m, isFatal: true } : m] }),
};

/** A worker that is wrong in one way: a right one, with something between it and its clients. For tests. */
export class DeviantWorker implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(upstreamPath: string, clause: string | undefined) {
    this.#server = createServer((client) => {
      const deviation = clause === undefined ? { fromClient: asIs, fromWorker: asIs } : DEVIATIONS[clause]!();
      this.#relay(client, createConnection(upstreamPath), deviation);
    });
  }

  /** @param clause the one to break; absent: none, though every message is taken apart and put together again. */
  static async listen(socketPath: string, upstreamPath: string, clause: string | undefined): Promise<DeviantWorker> {
    const worker = new DeviantWorker(upstreamPath, clause);
    worker.#server.listen(socketPath);
    await once(worker.#server, 'listening');
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(
    client: Socket,
    worker: Socket,
    { fromClient, fromWorker, replyDelayMs = 0, keepsConnection, hidesEnd }: Deviation,
  ): void {
    for (const socket of [client, worker]) {
      this.#sockets.add(socket);
      // Either side may hang up at any time; `close` follows.
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    const toClient = (bytes: Uint8Array, type?: string) => {
      if (type === 'reply' && replyDelayMs > 0) setTimeout(() => client.write(bytes), replyDelayMs);
      else client.write(bytes);
    };
    client.on(
      'data',
      translator('client', fromClient, (bytes) => worker.write(bytes)),
    );
    worker.on('data', translator('worker', fromWorker, toClient));
    client.on('close', () => keepsConnection || worker.destroy());
    worker.on('end', () => hidesEnd || client.end());
  }
}

function translator<T extends ClientMessage | WorkerMessage>(
  from: T extends ClientMessage ? 'client' : 'worker',
  translate: ((message: T) => readonly T[]) | undefined,
  write: (bytes: Uint8Array, type?: string) => void,
): (chunk: Buffer) => void {
  if (!translate) return (chunk) => write(chunk);
  const decoder = new MessageDecoder<T>(from);
  let isLost = false;
  return (chunk) => {
    if (isLost) return;
    try {
      for (const message of decoder.push(chunk))
        for (const other of translate(message)) write(encodeMessage(other), other.type);
    } catch {
      // A wrong worker that has lost its place in the stream goes quiet: what a clause has to catch.
      isLost = true;
    }
  };
}
