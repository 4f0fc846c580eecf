import { FRAME_SAMPLES, SAMPLES_PER_MS } from '../audio.ts';

/** Packets remembered: about 10 s of 20 ms packets, short enough to follow a network and 200 ppm of drift (2 ms). */
const WINDOW_PACKETS = 512;
/**
 * What a late packet is worth in delay: 1 % of packets late is as bad as 10 ms more for all. So a delay that only few
 * outliers need is not paid for, and one that ends an evenly spread jitter is.
 */
const LATE_COST_MS = 1000;
/** Share of packets that may be late at most: what the search looks through. */
const LATE_SHARE_MAX = 0.1;
/** Below this many packets their own spread says little, and START_GUARD_MS is added. */
const START_PACKETS = 50;
const START_GUARD_MS = 2;
/** Covers 200 ppm of drift during the 4 s that it takes to move by a packet. */
const GUARD_MS = 1;

/**
 * Learns how late packets come, against their own timestamps, and says up to where audio can be relied on at a time.
 * A delay here is arrival minus the media time at which the packet ends, so it has an unknown but constant offset.
 */
export class DelayEstimator {
  readonly #ring = new Float64Array(WINDOW_PACKETS);
  readonly #sorted = new Float64Array(WINDOW_PACKETS);
  #count = 0;
  #covered: number | undefined;
  #next = 0;
  #lastEnd = 0;
  #packetSamples = 0;

  get packetCount(): number {
    return this.#count;
  }

  /** Middle of the known delays, in milliseconds; the centre of what is plausible. */
  get medianMs(): number {
    return this.#sorted[this.#count >> 1]!;
  }

  /** How far delays reach above the shortest one. */
  get spreadMs(): number {
    return this.#coveredMs() - this.#sorted[0]!;
  }

  /** @param endSample media position right after the packet's last sample. */
  add(endSample: number, sampleCount: number, arrivalMs: number): void {
    const delayMs = arrivalMs - endSample / SAMPLES_PER_MS;
    this.#covered = undefined;
    if (this.#count === WINDOW_PACKETS) this.#remove(this.#ring[this.#next]!);
    this.#insert(delayMs);
    this.#ring[this.#next] = delayMs;
    this.#next = (this.#next + 1) % WINDOW_PACKETS;
    this.#lastEnd = endSample;
    this.#packetSamples = sampleCount;
  }

  clear(): void {
    this.#count = 0;
    this.#next = 0;
    this.#covered = undefined;
  }

  /**
   * The end of the last packet that is there at `atMs`, but for the few not worth waiting for. Between packet ends there is nothing
   * to gain: a frame that ends inside a packet waits for all of it.
   */
  reliableEnd(atMs: number): number {
    const guardMs = GUARD_MS + (this.#count < START_PACKETS ? START_GUARD_MS : 0);
    const limit = (atMs - this.#coveredMs() - guardMs) * SAMPLES_PER_MS;
    // Packets of 60 ms do not divide a frame: from tick to tick it ends elsewhere in a packet, up to this far before
    // the packet's end, and has to wait for that.
    const grid = greatestCommonDivisor(FRAME_SAMPLES, this.#packetSamples);
    const overhang = this.#packetSamples - grid;
    return this.#lastEnd + Math.floor((limit - overhang - this.#lastEnd) / grid) * grid;
  }

  /** The delay at which waiting longer costs more than the packets that would still be saved. */
  #coveredMs(): number {
    if (this.#covered !== undefined) return this.#covered;
    const lateMax = Math.floor(this.#count * LATE_SHARE_MAX);
    let best = this.#sorted[this.#count - 1]!;
    let bestCost = best;
    for (let late = 1; late <= lateMax; late += 1) {
      const delayMs = this.#sorted[this.#count - 1 - late]!;
      const cost = delayMs + (late / this.#count) * LATE_COST_MS;
      if (cost < bestCost) {
        best = delayMs;
        bestCost = cost;
      }
    }
    this.#covered = best;
    return best;
  }

  #insert(delayMs: number): void {
    const at = this.#lowerBound(delayMs);
    this.#sorted.copyWithin(at + 1, at, this.#count);
    this.#sorted[at] = delayMs;
    this.#count += 1;
  }

  #remove(delayMs: number): void {
    const at = this.#lowerBound(delayMs);
    this.#sorted.copyWithin(at, at + 1, this.#count);
    this.#count -= 1;
  }

  #lowerBound(delayMs: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle]! < delayMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
