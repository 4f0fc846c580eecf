import { closeSync, openSync, writeSync } from 'node:fs';
import { basename } from 'node:path';

/** Where a tensor lies: what an ONNX model says of external data. */
export interface ExternalData {
  /** File name, relative to the model's own folder. */
  readonly location: string;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** Where the weights of a graph go. */
export interface WeightStore {
  /** @param produce its values in the order of `shape`, called at most once. */
  add(name: string, shape: readonly number[], produce: () => Float32Array): ExternalData;
}

/** A page: lets the runtime map a tensor instead of reading it. */
const ALIGNMENT_BYTES = 4096;

/**
 * The weights that a folder's graphs share, written one after the other. Nothing is kept in memory but the places, so
 * that a model of any size can be written.
 */
export class WeightsFile implements WeightStore {
  readonly #location: string;
  readonly #descriptor: number;
  readonly #places = new Map<string, ExternalData>();
  #sizeBytes = 0;

  /** @param path a file that does not exist yet. */
  constructor(path: string) {
    this.#location = basename(path);
    this.#descriptor = openSync(path, 'wx');
  }

  add(name: string, shape: readonly number[], produce: () => Float32Array): ExternalData {
    const known = this.#places.get(name);
    if (known) return known;
    const values = produce();
    const count = shape.reduce((a, b) => a * b, 1);
    if (values.length !== count) throw new Error(`${name}: [${shape}] is ${count} values, got ${values.length}`);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const offsetBytes = nextPage(this.#sizeBytes);
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.#descriptor, bytes, done, bytes.length - done, offsetBytes + done);
    }
    this.#sizeBytes = offsetBytes + bytes.length;
    const place = { location: this.#location, offsetBytes, lengthBytes: bytes.length };
    this.#places.set(name, place);
    return place;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Counts what a WeightsFile would come to, and writes nothing. */
export class WeightsMeasure implements WeightStore {
  readonly #places = new Map<string, ExternalData>();
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(name: string, shape: readonly number[]): ExternalData {
    const known = this.#places.get(name);
    if (known) return known;
    const place = {
      location: 'unwritten',
      offsetBytes: nextPage(this.#sizeBytes),
      lengthBytes: shape.reduce((a, b) => a * b, Float32Array.BYTES_PER_ELEMENT),
    };
    this.#sizeBytes = place.offsetBytes + place.lengthBytes;
    this.#places.set(name, place);
    return place;
  }
}

function nextPage(sizeBytes: number): number {
  return Math.ceil(sizeBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
