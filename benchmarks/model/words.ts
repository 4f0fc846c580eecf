const UNITS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');

/** @param value a whole number, 0 to 100. */
export function numberInWords(value: number): string {
  if (value < UNITS.length) return UNITS[value]!;
  if (value === 100) return 'one hundred';
  const units = value % 10;
  return TENS[Math.floor(value / 10) - 2]! + (units > 0 ? ` ${UNITS[units]}` : '');
}

/** Lower-case words without punctuation, as the `accept` patterns of the domain expect them. */
export function normalise(text: string): string {
  const spaced = text.toLowerCase().replace(/[-,.!?:]/g, ' ');
  return spaced
    .replace(/[^a-z\s]/g, '')
    .trim()
    .replace(/\s+/g, ' ');
}

/** What a recogniser wrote, with its digits as words: up to 100 as a number, beyond that digit by digit. */
export function inWords(text: string): string {
  return normalise(text.replaceAll('$', ' ').replace(/\d+/g, (digits) => ` ${digitsInWords(digits)} `));
}

function digitsInWords(digits: string): string {
  const value = BigInt(digits);
  if (value <= 100n) return numberInWords(Number(value));
  return [...value.toString()].map((digit) => numberInWords(Number(digit))).join(' ');
}

/** @returns the least count of words put in, left out or changed that turns `said` into `heard`. */
export function wordErrors(said: string, heard: string): number {
  const [a, b] = [wordsOf(said), wordsOf(heard)];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  a.forEach((word, i) => {
    const next = [i + 1];
    b.forEach((other, j) => {
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (word === other ? 0 : 1)));
    });
    row = next;
  });
  return row.at(-1)!;
}

export function wordsOf(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}
