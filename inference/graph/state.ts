import type { GraphBuilder, Value } from '../onnx/graph-builder.ts';

/**
 * Whose progress a piece of state follows. A row's encoder, language model and transcriber advance in every step that
 * it runs; its decoder only in steps that have codes to decode.
 */
export const CLOCKS = ['encoder', 'temporal', 'transcriber', 'decoder'] as const;
export type Clock = (typeof CLOCKS)[number];

/** Keys and values of one transformer's past positions, in rings of `context` entries, one a layer. */
export interface RingSpec {
  readonly name: Clock;
  readonly layerCount: number;
  readonly headCount: number;
  readonly headDim: number;
  readonly context: number;
  readonly positionsPerStep: number;
  readonly maxPeriod: number;
}

/** Left context of all convolutions that follow one clock, packed: [batch, floats]. */
export interface TailSpec {
  readonly clock: Clock;
  readonly floats: number;
}

/** What a graph carries from step to step; the host keeps it and names its tensors by `stateNames`. */
export interface StateLayout {
  readonly rings: readonly RingSpec[];
  readonly tails: readonly TailSpec[];
}

/** Names of the state's tensors in a graph. Shapes: B batch, H heads, D head size, S context, T positions a step, L layers. */
export const stateNames = {
  /** In: [B, H, 1, D, S], so that scoring a query is a product without a transpose. */
  ringKeys: (ring: Clock, layer: number) => `${ring}.keys.${layer}`,
  /** In: [B, H, 1, S, D]. */
  ringValues: (ring: Clock, layer: number) => `${ring}.values.${layer}`,
  /** Out: [B, T, L * 2 * H * D], each layer's rotated keys, then its values. */
  ringRows: (ring: Clock) => `${ring}.rows`,
  /** In: [B, 1, T, 1, S + T], 0 where a query may look, very negative elsewhere; the T new positions come last. */
  ringMask: (ring: Clock) => `${ring}.mask`,
  /** In: [B * T, D / 2] each, and [B, T] rows of them. */
  cosines: (ring: Clock) => `${ring}.cosines`,
  sines: (ring: Clock) => `${ring}.sines`,
  positionIds: (ring: Clock) => `${ring}.position_ids`,
  tails: (clock: Clock) => `${clock}.tails`,
  nextTails: (clock: Clock) => `${clock}.next_tails`,
  /** In, bool [B, 1, 1]: rows whose clock has not advanced since their reset. */
  isFirst: (clock: Clock) => `${clock}.is_first`,
} as const;

/** A convolution's left context: what the last step left, and where to put what this one leaves. */
export interface Tail {
  /** [batch, rows, channels] */
  readonly previous: Value;
  keep(next: Value): void;
}

/** The inputs of one transformer's rings, and where its layers put their new rows. */
export interface Ring {
  readonly spec: RingSpec;
  readonly mask: Value;
  readonly cosines: Value;
  readonly sines: Value;
  readonly positionIds: Value;
  layer(index: number): { readonly keys: Value; readonly values: Value };
  /** Both [batch, positions, heads * head size]. Layers keep their rows in order. */
  keep(keys: Value, values: Value): void;
}

/** Declares the state of a graph while the graph is built, and closes it with the outputs that carry it on. */
export class GraphState {
  readonly #graph: GraphBuilder;
  readonly #tails = new Map<Clock, { floats: number; next: Value[] }>();
  readonly #rings: { spec: RingSpec; rows: Value[] }[] = [];

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  tail(clock: Clock, rowCount: number, channelCount: number): Tail {
    const graph = this.#graph;
    const tails = this.#tails.get(clock) ?? { floats: 0, next: [] };
    this.#tails.set(clock, tails);
    const start = tails.floats;
    tails.floats += rowCount * channelCount;
    const packed = graph.op('Slice', [
      stateNames.tails(clock),
      graph.int64s([start]),
      graph.int64s([tails.floats]),
      graph.int64s([1]),
    ]);
    return {
      previous: graph.op('Reshape', [packed, graph.int64s([0, rowCount, channelCount])]),
      keep: (next) => {
        tails.next.push(graph.op('Reshape', [next, graph.int64s([0, rowCount * channelCount])]));
      },
    };
  }

  ring(spec: RingSpec): Ring {
    const graph = this.#graph;
    const { name, headCount: H, headDim: D, context: S, positionsPerStep: T } = spec;
    const rows: Value[] = [];
    this.#rings.push({ spec, rows });
    return {
      spec,
      mask: graph.input(stateNames.ringMask(name), 'float32', ['batch', 1, T, 1, S + T]),
      cosines: graph.input(stateNames.cosines(name), 'float32', [`${name}_positions`, D / 2]),
      sines: graph.input(stateNames.sines(name), 'float32', [`${name}_positions`, D / 2]),
      positionIds: graph.input(stateNames.positionIds(name), 'int64', ['batch', T]),
      layer: (index) => ({
        keys: graph.input(stateNames.ringKeys(name, index), 'float32', ['batch', H, 1, D, S]),
        values: graph.input(stateNames.ringValues(name, index), 'float32', ['batch', H, 1, S, D]),
      }),
      keep: (keys, values) => rows.push(keys, values),
    };
  }

  /** Declares the outputs that carry the state on. */
  finish(): StateLayout {
    const graph = this.#graph;
    for (const { spec, rows } of this.#rings) {
      const width = rows.length * spec.headCount * spec.headDim;
      const all = graph.op('Concat', rows, { axis: 2 });
      graph.output(stateNames.ringRows(spec.name), all, 'float32', ['batch', spec.positionsPerStep, width]);
    }
    for (const [clock, { floats, next }] of this.#tails) {
      graph.input(stateNames.tails(clock), 'float32', ['batch', floats]);
      graph.output(stateNames.nextTails(clock), graph.op('Concat', next, { axis: 1 }), 'float32', ['batch', floats]);
    }
    return {
      rings: this.#rings.map(({ spec }) => spec),
      tails: [...this.#tails].map(([clock, { floats }]) => ({ clock, floats })),
    };
  }
}
