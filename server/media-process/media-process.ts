import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ServerError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { ParamsOf } from './messages.ts';
import { RpcClient } from './rpc-client.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
/** Longer than a rejoining client waits for mediasoup's worker. */
const ANSWER_MS_MAX = 10_000;
const END_MS_MAX = 2_000;

export type MediaProcessEvents = {
  /** Once, when the process ended unasked. */
  died: [detail: string];
};

/** One media process, from its fork to its end. */
export class MediaProcess extends EventEmitter<MediaProcessEvents> implements AsyncDisposable {
  readonly rpc: RpcClient;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #closing: Promise<void> | undefined;

  private constructor(logger: Logger) {
    super();
    // Detached: Ctrl-C in a terminal reaches the whole foreground group, mediasoup's worker included, which would end
    // the calls that the control plane is about to drain.
    this.#child = fork(MAIN, [logger.level], { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#exited = once(this.#child, 'exit');
    this.rpc = new RpcClient((ask) => {
      // Where the channel is closed, `exit` follows and rejects what was asked.
      if (this.#child.connected) this.#child.send(ask, () => undefined);
    }, ANSWER_MS_MAX);
    this.#child.on('message', (message) => {
      try {
        this.rpc.receive(message);
      } catch (error) {
        logger.error({ err: error }, 'the media process sent what cannot be read');
      }
    });
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('exit', (code, signal) => this.#end(signal ?? `code ${code}`));
  }

  /**
   * @param signal gives the start up.
   * @throws {RemoteError} as `MediaNode.create`; {ServerError} `MEDIA_PROCESS_FAILED`, `RPC_TIMEOUT`
   */
  static async start(params: ParamsOf<'start'>, logger: Logger, signal: AbortSignal): Promise<MediaProcess> {
    signal.throwIfAborted();
    const process = new MediaProcess(logger);
    // Its end rejects what was asked.
    const giveUp = () => void process.close();
    signal.addEventListener('abort', giveUp);
    try {
      await process.rpc.ask('start', params);
      return process;
    } catch (error) {
      await process.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Idempotent: closes the channel, at which the process ends; by force after 2 s. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(detail: string): void {
    const wasAsked = this.#closing !== undefined;
    this.#closing ??= Promise.resolve();
    this.rpc.end(new ServerError('MEDIA_PROCESS_FAILED', `the media process ended: ${detail}`));
    if (!wasAsked) this.emit('died', detail);
  }

  async #close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS_MAX);
    if (this.#child.connected) this.#child.disconnect();
    await this.#exited;
    clearTimeout(timer);
  }
}
