/** Signed distance from `from` to `to` on a circle of `modulus`, in [-modulus/2, modulus/2). */
function circularDistance(from: number, to: number, modulus: number): number {
  const forward = (((to - from) % modulus) + modulus) % modulus;
  return forward < modulus / 2 ? forward : forward - modulus;
}

const SEQUENCE_MODULUS = 2 ** 16;
const TIMESTAMP_MODULUS = 2 ** 32;

/** An RTP sequence number: 16 bits that wrap. Immutable. */
export class SequenceNumber {
  readonly value: number;

  /** @param value any integer; taken modulo 2^16. */
  constructor(value: number) {
    this.value = circularDistance(0, value, SEQUENCE_MODULUS) & 0xffff;
  }

  next(): SequenceNumber {
    return new SequenceNumber(this.value + 1);
  }

  /** Packets from `earlier` to this one, negative where this one is the earlier: -32768 to 32767. */
  since(earlier: SequenceNumber): number {
    return circularDistance(earlier.value, this.value, SEQUENCE_MODULUS);
  }
}

/** An RTP timestamp: 32 bits that wrap, counting the ticks of a clock whose rate it knows. Immutable. */
export class RtpTimestamp {
  readonly value: number;
  readonly clockRateHz: number;

  /** @param value any integer; taken modulo 2^32. */
  constructor(value: number, clockRateHz: number) {
    this.value = ((value % TIMESTAMP_MODULUS) + TIMESTAMP_MODULUS) % TIMESTAMP_MODULUS;
    this.clockRateHz = clockRateHz;
  }

  /** @param durationMs rounded to the nearest clock tick; may be negative. */
  plusMs(durationMs: number): RtpTimestamp {
    return new RtpTimestamp(this.value + Math.round((durationMs * this.clockRateHz) / 1000), this.clockRateHz);
  }

  /** Milliseconds from `earlier` to this one, negative where this one is the earlier. Both count the same clock. */
  msSince(earlier: RtpTimestamp): number {
    return (circularDistance(earlier.value, this.value, TIMESTAMP_MODULUS) * 1000) / this.clockRateHz;
  }
}
