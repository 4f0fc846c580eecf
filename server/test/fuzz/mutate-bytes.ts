import type { Dice } from './dice.ts';

/** Where parsers err: zero, one, sign bits, all bits, and their neighbours. */
const EDGES_U8 = [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff];
const EDGES_U16 = [0, 1, 0x7f, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff];
const EDGES_U32 = [0, 1, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const EDGES_F64 = [Number.NaN, Number.POSITIVE_INFINITY, -0, -1, 1e308, 5e-324, 2 ** 53, 0.5];
const RUN_BYTES_MAX = 64;

type Mutator = (dice: Dice, bytes: Buffer) => Buffer;

const MUTATORS: readonly Mutator[] = [
  function flipBit(dice, bytes) {
    const copy = Buffer.from(bytes);
    const at = dice.below(copy.length);
    copy[at] = copy[at]! ^ (1 << dice.below(8));
    return copy;
  },
  function setByte(dice, bytes) {
    const copy = Buffer.from(bytes);
    copy[dice.below(copy.length)] = dice.chance(0.5) ? dice.pick(EDGES_U8) : dice.below(256);
    return copy;
  },
  function setNumber(dice, bytes) {
    const value = edgeOfWidth(dice, dice.pick([2, 4, 8]));
    if (value.length > bytes.length) return value;
    const copy = Buffer.from(bytes);
    copy.set(value, dice.below(copy.length - value.length + 1));
    return copy;
  },
  function truncate(dice, bytes) {
    return bytes.subarray(0, dice.below(bytes.length));
  },
  function append(dice, bytes) {
    return Buffer.concat([bytes, dice.bytes(dice.between(1, RUN_BYTES_MAX))]);
  },
  function deleteRun(dice, bytes) {
    const { from, to } = someRun(dice, bytes);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  function doubleRun(dice, bytes) {
    const { from, to } = someRun(dice, bytes);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  function fillRun(dice, bytes) {
    const { from, to } = someRun(dice, bytes);
    return Buffer.from(bytes).fill(dice.pick(EDGES_U8), from, to);
  },
  function insertNoise(dice, bytes) {
    const at = dice.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), dice.bytes(dice.between(1, 8)), bytes.subarray(at)]);
  },
];

/** Changes bytes of a valid message in one to three ways, without knowing what they mean. */
export function mutateBytes(dice: Dice, bytes: Buffer): Buffer {
  let mutated = bytes;
  for (let left = dice.between(1, 3); left > 0; left--) {
    mutated = mutated.length === 0 ? dice.bytes(dice.between(1, RUN_BYTES_MAX)) : dice.pick(MUTATORS)(dice, mutated);
  }
  return mutated;
}

/** A little-endian number on the edge of what `byteCount` bytes hold; random bytes for other widths. */
export function edgeOfWidth(dice: Dice, byteCount: number): Buffer {
  const bytes = Buffer.alloc(byteCount);
  if (byteCount === 1) bytes.writeUInt8(dice.pick(EDGES_U8));
  else if (byteCount === 2) bytes.writeUInt16LE(dice.pick(EDGES_U16));
  else if (byteCount === 4) bytes.writeUInt32LE(dice.pick(EDGES_U32));
  else if (byteCount === 8) bytes.writeDoubleLE(dice.pick(EDGES_F64));
  else return dice.bytes(byteCount);
  return bytes;
}

function someRun(dice: Dice, bytes: Buffer): { from: number; to: number } {
  const from = dice.below(bytes.length);
  return { from, to: Math.min(bytes.length, from + dice.between(1, RUN_BYTES_MAX)) };
}
