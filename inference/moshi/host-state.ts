import { Tensor } from 'onnxruntime-node';
import { type Clock, type RingSpec, type StateLayout, stateNames } from '../graph/state.ts';

/** Added to the score of a position that must not be seen: finite, so that a row which sees nothing makes no NaN. */
export const MASKED = -1e30;
const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;

type Feeds = Record<string, Tensor>;

/**
 * The state of every slot, in the host's own memory: the graph reads it in place and returns only what a step adds,
 * which is written where it belongs. Row r of a batch is slot r.
 */
export class HostState {
  readonly #slotCount: number;
  readonly #rings: HostRing[];
  readonly #tails: HostTails[];
  readonly #feeds = new Map<number, Feeds>();
  #writtenBytes = 0;

  constructor(layout: StateLayout, slotCount: number) {
    this.#slotCount = slotCount;
    this.#rings = layout.rings.map((spec) => new HostRing(spec, slotCount));
    this.#tails = layout.tails.map(({ clock, floats }) => new HostTails(clock, floats, slotCount));
    for (let slot = 0; slot < slotCount; slot++) this.reset(slot);
  }

  /** Bytes of state that a slot holds. */
  get bytesPerSlot(): number {
    const bytes = [...this.#rings, ...this.#tails].reduce((sum, part) => sum + part.bytes, 0);
    return bytes / this.#slotCount;
  }

  /** Bytes that the last step wrote here: what it added, with the masks' entries and the rotary angles of its positions. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Starts a slot anew. Old keys and values stay where they are, unseen. */
  reset(slot: number): void {
    for (const ring of this.#rings) ring.reset(slot);
    for (const tails of this.#tails) tails.reset(slot);
  }

  /** Wipes a slot whose numbers went wrong: an unseen NaN is still a NaN once it is multiplied by zero. */
  wipe(slot: number): void {
    for (const ring of this.#rings) ring.wipe(slot);
    this.reset(slot);
  }

  /** @returns the state as inputs of a step of the first `batchSize` slots; views, valid until the next commit. */
  feeds(batchSize: number): Feeds {
    this.#writtenBytes = 0;
    for (const ring of this.#rings) this.#writtenBytes += ring.turn(batchSize);
    let feeds = this.#feeds.get(batchSize);
    if (!feeds) {
      feeds = {};
      for (const part of [...this.#rings, ...this.#tails]) Object.assign(feeds, part.view(batchSize));
      this.#feeds.set(batchSize, feeds);
    }
    return feeds;
  }

  /**
   * Takes over what a step added, for the rows whose clock advances.
   *
   * @returns the rows whose state is no longer finite.
   */
  commit(
    outputs: Readonly<Record<string, Tensor>>,
    batchSize: number,
    advances: (clock: Clock, row: number) => boolean,
  ): ReadonlySet<number> {
    const broken = new Set<number>();
    for (const part of [...this.#rings, ...this.#tails]) {
      const added = outputs[part.outputName]!.data as Float32Array;
      const width = added.length / batchSize;
      for (let row = 0; row < batchSize; row++) {
        if (!advances(part.clock, row)) continue;
        const rowAdded = added.subarray(row * width, (row + 1) * width);
        if (!areFinite(rowAdded)) broken.add(row);
        this.#writtenBytes += part.advance(row, rowAdded);
      }
    }
    return broken;
  }
}

class HostRing {
  readonly clock: Clock;
  readonly outputName: string;
  readonly #spec: RingSpec;
  readonly #keys: Float32Array[];
  readonly #values: Float32Array[];
  readonly #mask: Float32Array;
  readonly #cosines: Float32Array;
  readonly #sines: Float32Array;
  readonly #inverseFrequencies: Float64Array;
  /** Positions written since each slot's reset; exact for as long as a call can last. */
  readonly #positions: Float64Array;

  constructor(spec: RingSpec, slotCount: number) {
    const { name, layerCount, headCount, headDim, context, positionsPerStep, maxPeriod } = spec;
    this.clock = name;
    this.outputName = stateNames.ringRows(name);
    this.#spec = spec;
    const floats = slotCount * headCount * headDim * context;
    this.#keys = Array.from({ length: layerCount }, () => new Float32Array(floats));
    this.#values = Array.from({ length: layerCount }, () => new Float32Array(floats));
    this.#mask = new Float32Array(slotCount * positionsPerStep * (context + positionsPerStep));
    this.#cosines = new Float32Array((slotCount * positionsPerStep * headDim) / 2);
    this.#sines = new Float32Array(this.#cosines.length);
    this.#inverseFrequencies = Float64Array.from({ length: headDim / 2 }, (_, i) => maxPeriod ** ((-2 * i) / headDim));
    this.#positions = new Float64Array(slotCount);
  }

  get bytes(): number {
    return [...this.#keys, ...this.#values].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  reset(slot: number): void {
    const { context: S, positionsPerStep: T } = this.#spec;
    this.#positions[slot] = 0;
    for (let query = 0; query < T; query++) {
      const start = (slot * T + query) * (S + T);
      this.#mask.fill(MASKED, start, start + S + T);
      this.#mask.fill(0, start + S, start + S + query + 1);
    }
  }

  wipe(slot: number): void {
    for (const store of [...this.#keys, ...this.#values]) {
      const floats = store.length / this.#positions.length;
      store.fill(0, slot * floats, (slot + 1) * floats);
    }
  }

  /** Turns the rotary angles to the positions that the next step writes. @returns bytes written, as `advance` does. */
  turn(batchSize: number): number {
    const { headDim, positionsPerStep: T } = this.#spec;
    const half = headDim / 2;
    for (let row = 0; row < batchSize * T; row++) {
      const position = this.#positions[Math.floor(row / T)]! + (row % T);
      for (let i = 0; i < half; i++) {
        const angle = position * this.#inverseFrequencies[i]!;
        this.#cosines[row * half + i] = Math.cos(angle);
        this.#sines[row * half + i] = Math.sin(angle);
      }
    }
    return 2 * batchSize * T * half * FLOAT_BYTES;
  }

  view(batchSize: number): Feeds {
    const { name, headCount: H, headDim: D, context: S, positionsPerStep: T } = this.#spec;
    const tensor = (data: Float32Array, dims: readonly number[]) =>
      new Tensor(
        'float32',
        data.subarray(
          0,
          dims.reduce((a, b) => a * b, 1),
        ),
        dims,
      );
    const feeds: Feeds = {
      [stateNames.ringMask(name)]: tensor(this.#mask, [batchSize, 1, T, 1, S + T]),
      [stateNames.cosines(name)]: tensor(this.#cosines, [batchSize * T, D / 2]),
      [stateNames.sines(name)]: tensor(this.#sines, [batchSize * T, D / 2]),
      [stateNames.positionIds(name)]: new Tensor(
        'int64',
        BigInt64Array.from({ length: batchSize * T }, (_, i) => BigInt(i)),
        [batchSize, T],
      ),
    };
    this.#keys.forEach((keys, layer) => {
      feeds[stateNames.ringKeys(name, layer)] = tensor(keys, [batchSize, H, 1, D, S]);
      feeds[stateNames.ringValues(name, layer)] = tensor(this.#values[layer]!, [batchSize, H, 1, S, D]);
    });
    return feeds;
  }

  /** @param added [T, layers * 2 * H * D]: each layer's keys, then its values. */
  advance(slot: number, added: Float32Array): number {
    const { layerCount, headCount: H, headDim: D, context: S, positionsPerStep: T } = this.#spec;
    const dim = H * D;
    const first = this.#positions[slot]!;
    for (let t = 0; t < T; t++) {
      const entry = (first + t) % S;
      for (let layer = 0; layer < layerCount; layer++) {
        const start = (t * layerCount + layer) * 2 * dim;
        const keys = this.#keys[layer]!;
        const values = this.#values[layer]!;
        for (let i = 0; i < dim; i++) keys[(slot * dim + i) * S + entry] = added[start + i]!;
        for (let h = 0; h < H; h++) {
          const from = start + dim + h * D;
          values.set(added.subarray(from, from + D), ((slot * H + h) * S + entry) * D);
        }
      }
    }
    this.#positions[slot] = first + T;
    return added.byteLength + this.#see(slot, first);
  }

  /** Shows the entries just written and hides those that the next step overwrites. */
  #see(slot: number, first: number): number {
    const { context: S, positionsPerStep: T } = this.#spec;
    let writtenCount = 0;
    const write = (at: number, value: number) => {
      this.#mask[at] = value;
      writtenCount += 1;
    };
    for (let query = 0; query < T; query++) {
      const start = (slot * T + query) * (S + T);
      for (let t = 0; t < T; t++) write(start + ((first + t) % S), 0);
      for (let t = T; t < 2 * T; t++) {
        if (first + t >= S) write(start + ((first + t) % S), MASKED);
      }
    }
    return writtenCount * FLOAT_BYTES;
  }
}

class HostTails {
  readonly clock: Clock;
  readonly outputName: string;
  readonly #floats: number;
  readonly #data: Float32Array;
  readonly #isFirst: Uint8Array;

  constructor(clock: Clock, floats: number, slotCount: number) {
    this.clock = clock;
    this.outputName = stateNames.nextTails(clock);
    this.#floats = floats;
    this.#data = new Float32Array(slotCount * floats);
    this.#isFirst = new Uint8Array(slotCount);
  }

  get bytes(): number {
    return this.#data.byteLength;
  }

  reset(slot: number): void {
    this.#data.fill(0, slot * this.#floats, (slot + 1) * this.#floats);
    this.#isFirst[slot] = 1;
  }

  view(batchSize: number): Feeds {
    const tails = new Tensor('float32', this.#data.subarray(0, batchSize * this.#floats), [batchSize, this.#floats]);
    const feeds: Feeds = { [stateNames.tails(this.clock)]: tails };
    // Only the encoder begins by repeating its first value.
    if (this.clock === 'encoder') {
      feeds[stateNames.isFirst(this.clock)] = new Tensor('bool', this.#isFirst.subarray(0, batchSize), [
        batchSize,
        1,
        1,
      ]);
    }
    return feeds;
  }

  advance(slot: number, added: Float32Array): number {
    this.#data.set(added, slot * this.#floats);
    this.#isFirst[slot] = 0;
    return added.byteLength;
  }
}

function areFinite(values: Float32Array): boolean {
  // Zero times a finite number is zero, times anything else NaN: one sum tells of all.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
  return sum === 0;
}
