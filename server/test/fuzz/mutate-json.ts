import type { Dice } from './dice.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const NUMBERS = [0, -0, -1, 1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 63), 1e308, 65_536, 127, 128, 255, 256];
const STRINGS = [
  '',
  ' ',
  '0',
  'null',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '\u0000',
  '\ud800',
  '\u202e🎧',
  'audio/',
  'audio/opus/48000',
  '%s%n',
  'A'.repeat(65),
  'A'.repeat(257),
  'A'.repeat(20_000),
];
const KEYS = ['__proto__', 'constructor', 'toString', 'then', 'length', '', 'extra', 'role', 'id'];
const DEPTH = 200;
const JSON_CHARS_MAX = 200_000;

/** Changes a valid value in one to three places: types, sizes, keys, order. What it is given stays as it was. */
export function mutateJson(dice: Dice, value: unknown): unknown {
  let mutated = structuredClone(value) as Json;
  for (let left = dice.between(1, 3); left > 0; left--) mutated = mutateSomewhere(dice, mutated);
  return mutated;
}

/** Goes down one branch by chance, and strikes where it stops. */
function mutateSomewhere(dice: Dice, value: Json): Json {
  const keys = isBranch(value) ? Object.keys(value) : [];
  if (!isBranch(value) || keys.length === 0 || dice.chance(0.2)) return replaced(dice, value);
  const key = dice.pick(keys);
  const branch = value as Record<string, Json>;
  if (dice.chance(0.7)) {
    branch[key] = mutateSomewhere(dice, branch[key]!);
    return value;
  }
  return Array.isArray(value) ? mutateList(dice, value) : mutateObject(dice, branch, key);
}

function mutateList(dice: Dice, list: Json[]): Json {
  const at = dice.below(list.length);
  return dice.pick([
    () => list.toSpliced(at, 1),
    () => list.toSpliced(at, 0, structuredClone(list[at]!)),
    () => list.toReversed(),
    () => [],
    () => copies(list[at]!, dice.pick([9, 33, 1000])),
    () => [list],
  ])();
}

/** @returns `count` copies, or fewer where they would be much more than any server reads. */
function copies(value: Json, count: number): Json[] {
  const length = Math.min(count, Math.ceil(JSON_CHARS_MAX / JSON.stringify(value).length));
  return Array.from({ length }, () => structuredClone(value));
}

function mutateObject(dice: Dice, object: Record<string, Json>, key: string): Json {
  const { [key]: taken, ...rest } = object;
  return dice.pick([
    () => rest,
    () => withOwn(object, dice.pick(KEYS), strange(dice)),
    () => withOwn(rest, dice.pick(KEYS), taken!),
    () => withOwn(object, `${key} `, taken!),
    () => Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${key}${i}`, taken!])),
    () => Object.values(object),
  ])();
}

function replaced(dice: Dice, value: Json): Json {
  if (typeof value === 'number' && dice.chance(0.5)) return dice.pick(NUMBERS);
  if (typeof value === 'string' && dice.chance(0.5)) return dice.pick(STRINGS);
  return strange(dice);
}

function strange(dice: Dice): Json {
  return dice.pick<() => Json>([
    () => null,
    () => dice.chance(0.5),
    () => dice.pick(NUMBERS),
    () => dice.pick(STRINGS),
    () => [],
    () => ({}),
    () => withOwn({ toString: 'no function' }, 'then', true),
    () => Array.from({ length: DEPTH }).reduce<Json>((inner) => [inner], []),
    () => Array.from({ length: DEPTH }).reduce<Json>((inner) => ({ a: inner }), {}),
    () => ({ _placeholder: true, num: dice.below(3) }),
  ])();
}

/** JSON.parse makes `__proto__` an own key, and so does this; an assignment would not. */
function withOwn(object: Record<string, Json>, key: string, value: Json): Json {
  return Object.defineProperty({ ...object }, key, { value, enumerable: true, configurable: true, writable: true });
}

function isBranch(value: Json): value is Json[] | { [key: string]: Json } {
  return typeof value === 'object' && value !== null;
}
