import { describe, expect, it } from 'vitest';
import { widenBf16, widenF16 } from './half.ts';

/** What the standard says of a binary16's bits. */
function valueOf16(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * 2 ** -14 * (fraction / 1024);
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

describe('half precision', () => {
  it('widens every float16 to its value, subnormal, infinite and NaN ones too', () => {
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
    const widened = widenF16(all);
    expect(widened.findIndex((value, bits) => !Object.is(value, valueOf16(bits)))).toBe(-1);
  });

  it('widens a bfloat16 to the float32 that begins with its bits', () => {
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
    const bits = new Uint32Array(widenBf16(all).buffer);
    expect(bits.findIndex((found, half) => found !== half * 2 ** 16)).toBe(-1);
  });

  it('gives values that every reader knows', () => {
    expect([...widenBf16(Uint16Array.of(0x3f80, 0xc000, 0x3dcd, 0x8000))]).toEqual([1, -2, 0.10009765625, -0]);
    expect([...widenF16(Uint16Array.of(0x3c00, 0xc000, 0x2e66, 0x0001))]).toEqual([1, -2, 0.0999755859375, 2 ** -24]);
  });

  it('reads a part of a larger buffer', () => {
    const halves = Uint16Array.of(0, 0x3c00, 0x4000).subarray(1);
    expect([...widenF16(halves)]).toEqual([1, 2]);
  });
});
