/** What a packet says of itself before it is decoded. */
export interface PacketInfo {
  /** Samples that it decodes to, at 24 kHz. */
  readonly sampleCount: number;
  /** True where it carries a copy of the packet before it. */
  readonly hasFec: boolean;
}

/** A codec as the jitter buffer sees it: 24 kHz mono out. A packet that it refuses leaves it usable. */
export interface PacketDecoder {
  /** What concealed and restored lengths must be a multiple of, in samples. */
  readonly stepSamples: number;
  /** @throws {MediaError} for a payload that cannot be audio */
  inspect(payload: Uint8Array): PacketInfo;
  decode(payload: Uint8Array): Float32Array;
  decodeFec(nextPayload: Uint8Array, sampleCount: number): Float32Array;
  conceal(sampleCount: number): Float32Array;
  reset(): void;
}
