/** @param halves bfloat16 bit patterns. @returns the same values: a bfloat16 is the upper half of a float32. */
export function widenBf16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const bits = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  return new Float32Array(bits.buffer);
}

/** @param halves IEEE 754 binary16 bit patterns. @returns the same values. */
export function widenF16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  // Node 24 has the type itself: https://tc39.es/proposal-float16array/
  return Float32Array.from(new Float16Array(halves.buffer, halves.byteOffset, halves.length));
}
