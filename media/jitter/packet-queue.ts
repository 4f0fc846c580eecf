/** A packet that waits for its turn. Positions are media time in samples at 24 kHz and never wrap. */
export interface WaitingPacket {
  /** Sequence number continued past its wraps. */
  readonly index: number;
  readonly start: number;
  readonly end: number;
  readonly hasFec: boolean;
  readonly payload: Uint8Array;
  readonly arrivalMs: number;
}

/** Span of audio kept while nobody takes any; the oldest is dropped beyond it. */
const SPAN_SAMPLES_MAX = 24_000;
/** Indexes remembered to tell a duplicate from a straggler. */
const SEEN_INDEXES = 1024;

/** Puts packets in order and knows which came before. */
export class PacketQueue {
  readonly #packets: WaitingPacket[] = [];
  readonly #seen = new Float64Array(SEEN_INDEXES).fill(Number.NaN);

  get first(): WaitingPacket | undefined {
    return this.#packets[0];
  }

  get length(): number {
    return this.#packets.length;
  }

  hasSeen(index: number): boolean {
    return this.#seen[slotOf(index)] === index;
  }

  /** @returns true where a packet with a higher index had come before. */
  push(packet: WaitingPacket): boolean {
    this.#seen[slotOf(packet.index)] = packet.index;
    let at = this.#packets.length;
    while (at > 0 && this.#packets[at - 1]!.index > packet.index) at -= 1;
    const isReordered = at < this.#packets.length;
    this.#packets.splice(at, 0, packet);
    while (this.#packets.at(-1)!.end - this.#packets[0]!.start > SPAN_SAMPLES_MAX) this.#packets.shift();
    return isReordered;
  }

  shift(): WaitingPacket | undefined {
    return this.#packets.shift();
  }

  clear(): void {
    this.#packets.length = 0;
    this.#seen.fill(Number.NaN);
  }
}

function slotOf(index: number): number {
  return ((index % SEEN_INDEXES) + SEEN_INDEXES) % SEEN_INDEXES;
}
