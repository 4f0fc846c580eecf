/** Thrown by `ByteReader`; who reads says what was being read. */
export class BytesError extends Error {}

/** Writes little-endian fields into a buffer that grows as needed. */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#buffer = Buffer.allocUnsafe(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#length = this.#room(1).writeUInt8(value, this.#length);
  }

  u16(value: number): void {
    this.#length = this.#room(2).writeUInt16LE(value, this.#length);
  }

  u32(value: number): void {
    this.#length = this.#room(4).writeUInt32LE(value, this.#length);
  }

  i32(value: number): void {
    this.#length = this.#room(4).writeInt32LE(value, this.#length);
  }

  u64(value: bigint): void {
    this.#length = this.#room(8).writeBigUInt64LE(value, this.#length);
  }

  f64(value: number): void {
    this.#length = this.#room(8).writeDoubleLE(value, this.#length);
  }

  /** UTF-8 with its length in bytes, at most 65,535, before it. */
  string(value: string): void {
    const bytes = Buffer.from(value, 'utf8');
    this.u16(bytes.length);
    this.bytes(bytes);
  }

  /** The elements alone; their count is the caller's to write. */
  f32Array(values: Float32Array): void {
    this.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  i32Array(values: Int32Array): void {
    this.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  bytes(values: Uint8Array): void {
    this.#room(values.byteLength).set(values, this.#length);
    this.#length += values.byteLength;
  }

  /** Overwrites what stands at `offset`, for lengths known only at the end. */
  setU32(offset: number, value: number): void {
    this.#buffer.writeUInt32LE(value, offset);
  }

  /** A view of what was written; the writer is not used afterwards. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #room(bytes: number): Buffer {
    if (this.#length + bytes > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    return this.#buffer;
  }
}

/** Reads what `ByteWriter` writes. Every method throws `BytesError` where too little is left. */
export class ByteReader {
  readonly #buffer: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#buffer.length - this.#offset;
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#buffer.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  i32(): number {
    return this.#buffer.readInt32LE(this.#take(4));
  }

  u64(): bigint {
    return this.#buffer.readBigUInt64LE(this.#take(8));
  }

  f64(): number {
    return this.#buffer.readDoubleLE(this.#take(8));
  }

  /** @throws BytesError on bytes that are not UTF-8, too. */
  string(): string {
    const length = this.u16();
    const start = this.#take(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        this.#buffer.subarray(start, start + length),
      );
    } catch (cause) {
      throw new BytesError('text is not UTF-8', { cause });
    }
  }

  /** A copy: typed arrays need an alignment that a stream does not have. */
  f32Array(count: number): Float32Array {
    return new Float32Array(this.#copy(count * 4));
  }

  i32Array(count: number): Int32Array {
    return new Int32Array(this.#copy(count * 4));
  }

  /** A view that lives as long as the bytes read from. */
  bytes(count: number): Buffer {
    const start = this.#take(count);
    return this.#buffer.subarray(start, start + count);
  }

  /** @throws BytesError unless all was read. */
  end(): void {
    if (this.remaining > 0) throw new BytesError(`${this.remaining} bytes too many`);
  }

  #copy(bytes: number): ArrayBuffer {
    const start = this.#take(bytes);
    const copy = new ArrayBuffer(bytes);
    new Uint8Array(copy).set(this.#buffer.subarray(start, start + bytes));
    return copy;
  }

  #take(bytes: number): number {
    const start = this.#offset;
    if (start + bytes > this.#buffer.length)
      throw new BytesError(`${start + bytes - this.#buffer.length} bytes missing`);
    this.#offset += bytes;
    return start;
  }
}
