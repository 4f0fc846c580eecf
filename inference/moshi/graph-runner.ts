import { availableParallelism } from 'node:os';
import { InferenceSession, type Tensor } from 'onnxruntime-node';
import type { GraphBundle } from '../graph/bundle.ts';
import type { Clock } from '../graph/state.ts';
import { HostState } from './host-state.ts';

export interface RunnerOptions {
  readonly slotCount: number;
  /** Threads of one step; absent: every core. */
  readonly threadCount?: number;
  /** Start of the path of a profile that the runtime writes, for benchmarks; absent: none. */
  readonly profilePrefix?: string;
}

export interface RunResult {
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Rows whose state is no longer finite: their calls must end, and their slots be wiped. */
  readonly brokenRows: ReadonlySet<number>;
}

/** A graph in a session, with the state of its slots. */
export class GraphRunner {
  readonly state: HostState;
  readonly nodeCount: number;
  readonly #session: InferenceSession;
  #hostBytes = 0;

  private constructor(session: InferenceSession, bundle: GraphBundle, slotCount: number) {
    this.#session = session;
    this.nodeCount = bundle.nodeCount;
    this.state = new HostState(bundle.layout, slotCount);
  }

  static async load(
    bundle: GraphBundle,
    { slotCount, threadCount, profilePrefix }: RunnerOptions,
  ): Promise<GraphRunner> {
    const session = await InferenceSession.create(bundle.graphPath, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: threadCount ?? availableParallelism(),
      interOpNumThreads: 1,
      ...(profilePrefix !== undefined && { enableProfiling: true, profileFilePrefix: profilePrefix }),
      // Threads that spin while they wait starve the media process of a small machine.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
    return new GraphRunner(session, bundle, slotCount);
  }

  /**
   * Runs the graph once over the first `batchSize` slots.
   *
   * @param feeds the inputs that are not state.
   * @param advances which rows' clocks go on; the others keep their state.
   */
  async run(
    batchSize: number,
    feeds: Readonly<Record<string, Tensor>>,
    advances: (clock: Clock, row: number) => boolean,
  ): Promise<RunResult> {
    const outputs = (await this.#session.run({ ...this.state.feeds(batchSize), ...feeds })) as Record<string, Tensor>;
    const brokenRows = this.state.commit(outputs, batchSize, advances);
    this.#hostBytes = bytesOf(feeds) + bytesOf(outputs) + this.state.writtenBytes;
    return { outputs, brokenRows };
  }

  /**
   * Bytes that passed through JavaScript in the last run: the inputs that it fills, the outputs that it is handed, and
   * what it writes into the state. The state that the graph reads where it lies is not among them.
   */
  get hostBytes(): number {
    return this.#hostBytes;
  }

  /** Writes the profile that was asked for. */
  endProfiling(): void {
    this.#session.endProfiling();
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}

function bytesOf(tensors: Readonly<Record<string, Tensor>>): number {
  return Object.values(tensors).reduce((sum, { data }) => sum + (data as Float32Array | Int32Array).byteLength, 0);
}
