import type { InputName } from './inputs.ts';
import { ProcessWatch } from './process-watch.ts';
import { ServerProcess } from './server-process.ts';
import { ToneNeighbour } from './tone/tone-neighbour.ts';
import type { Target } from './trial.ts';

/** Slots for as many attackers as call at once, and the neighbour. */
const SLOT_COUNT = 32;
const ERROR_LEVELS = /"level":[56]0/;

/** A whole server with the loopback engine, attacked at its inputs and watched. */
export class ServerTarget implements Target, AsyncDisposable {
  readonly watch: ProcessWatch;
  readonly inputs: readonly InputName[];
  readonly #server: ServerProcess;

  private constructor(watch: ProcessWatch, server: ServerProcess, inputs: readonly InputName[]) {
    this.watch = watch;
    this.#server = server;
    this.inputs = inputs;
  }

  static async start(...inputs: readonly InputName[]): Promise<ServerTarget> {
    const watch = await ProcessWatch.create();
    const config = { engine: { name: 'loopback', slotCount: SLOT_COUNT } } as const;
    const server = await ServerProcess.start(config, watch.environment);
    watch.watch(server.pid);
    return new ServerTarget(watch, server, inputs);
  }

  get address(): string {
    return this.#server.url;
  }

  startNeighbour(isJudged: boolean): Promise<ToneNeighbour> {
    return ToneNeighbour.call(this.#server.url, isJudged);
  }

  defects(): string[] {
    return this.#server.log.split('\n').filter((line) => ERROR_LEVELS.test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.watch[Symbol.asyncDispose]();
  }
}
