import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { normalise, numberInWords } from './words.ts';

const TALK = join(import.meta.dirname, '../../inference/talk');
/** A wording is held out from training where the hash of its canonical form is 0 modulo this. */
const HELD_OUT_MODULUS = 5n;
const FILLERS = new Set(['um', 'uh', 'well', 'so', 'okay', 'oh', 'please', 'just']);
/** In this order: the particular ones before those that they contain. */
const CONTRACTIONS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:can't|cannot)\b/g, 'can not'],
  [/\bwon't\b/g, 'will not'],
  [/n't\b/g, ' not'],
  [/'s\b/g, ' is'],
  [/'re\b/g, ' are'],
  [/'m\b/g, ' am'],
  [/'ll\b/g, ' will'],
  [/'ve\b/g, ' have'],
  [/'d\b/g, ' would'],
];
const FIELD = /\{([^{}]*)\}/g;
const EXPRESSION = /^(?:([A-Z]+):)?([A-Z]+)(?:([-+*>])([A-Z]+|\d+))?$/;
const NUMBERS = Array.from({ length: 21 }, (_, value) => numberInWords(value));

/** Values of slots by name, such as `{ NAME: 'Anna' }`. */
export type SlotValues = Readonly<Record<string, string>>;

export interface Intent {
  readonly id: string;
  readonly kind: 'answer' | 'stop' | 'recall' | 'fallback';
  /** What the agent answers; nothing for `stop`. */
  readonly say: readonly string[];
  readonly accept: string;
  readonly phrasings: readonly string[];
  /** `recall`: the text that is given as the condition. */
  readonly recalled?: string;
  /** `recall`: the answers where nothing was given. */
  readonly without?: readonly string[];
}

interface DomainFile {
  readonly slots: Readonly<Record<string, readonly string[]>>;
  readonly maps: Readonly<Record<string, SlotValues>>;
  readonly intents: readonly Intent[];
}

/** What callers say and what the agent answers, read from inference/talk; its README tells the format. */
export class Domain {
  readonly intents: readonly Intent[];
  readonly slots: DomainFile['slots'];
  readonly #maps: DomainFile['maps'];
  readonly #byId: ReadonlyMap<string, Intent>;

  constructor({ intents, slots, maps }: DomainFile) {
    this.intents = intents;
    this.slots = slots;
    this.#maps = maps;
    this.#byId = new Map(intents.map((intent) => [intent.id, intent]));
  }

  static load(path = join(TALK, 'intents.json')): Domain {
    return new Domain(JSON.parse(readFileSync(path, 'utf8')) as DomainFile);
  }

  intent(id: string): Intent | undefined {
    return this.#byId.get(id);
  }

  /** @returns the text with every field replaced; undefined where these values have no answer. */
  fill(text: string, values: SlotValues): string | undefined {
    const filled = this.#replace(text, values, (value) => value);
    return filled && filled.charAt(0).toUpperCase() + filled.slice(1);
  }

  /** @returns what decides whether a recognised text is an answer; undefined where these values have none. */
  acceptPattern(intent: Intent, values: SlotValues): RegExp | undefined {
    const source = this.#replace(intent.accept, values, (value, field) => {
      // Letters may be heard joined or apart.
      const joiner = field.startsWith('SPELL:') ? ' ?' : ' ';
      return `\\b${normalise(value).split(' ').join(joiner)}\\b`;
    });
    return source === undefined ? undefined : new RegExp(source, 'i');
  }

  /** @returns the names of the slots whose values a text needs. */
  slotNames(text: string): ReadonlySet<string> {
    const names = new Set<string>();
    for (const [, field] of text.matchAll(FIELD)) {
      const [, , slot, , operand] = EXPRESSION.exec(field!)!;
      names.add(slot!);
      if (operand && operand in this.slots) names.add(operand);
    }
    return names;
  }

  #replace(text: string, values: SlotValues, written: (value: string, field: string) => string): string | undefined {
    let isAnswerable = true;
    const filled = text.replace(FIELD, (_, field: string) => {
      const value = this.#value(field, values);
      if (value === undefined) isAnswerable = false;
      return written(value ?? '', field);
    });
    return isAnswerable ? filled : undefined;
  }

  #value(field: string, values: SlotValues): string | undefined {
    const [, name, slot, operator, operand] = EXPRESSION.exec(field)!;
    const value = values[slot!]!;
    if (name === 'SPELL') return [...value.toUpperCase()].join(', ');
    if (name) return this.#maps[name]![value]!;
    if (!operator) return value;
    const left = NUMBERS.indexOf(value);
    const right = /^\d/.test(operand!) ? Number(operand) : NUMBERS.indexOf(values[operand!]!);
    if (operator === '>') return left > right ? 'Yes' : 'No';
    const result = operator === '+' ? left + right : operator === '-' ? left - right : left * right;
    return result < 0 ? undefined : numberInWords(result);
  }
}

/** A phrasing with contractions written out and fillers dropped: equal results are one wording. */
export function canonical(phrasing: string): string {
  const written = CONTRACTIONS.reduce((text, [pattern, long]) => text.replace(pattern, long), phrasing);
  const words = written.split(/\s+/).filter((word) => word !== '');
  const kept = words.filter((word) => !FILLERS.has(word));
  return (kept.length > 0 ? kept : words).join(' ');
}

/** Whether a phrasing, its slots unfilled, is kept from every training set. */
export function isHeldOut(phrasing: string): boolean {
  const digest = createHash('sha256').update(canonical(phrasing)).digest();
  return digest.readBigUInt64BE() % HELD_OUT_MODULUS === 0n;
}

/** @returns every name that may be recalled, and of which the training shows those that are not held out. */
export function recallableNames(domain: Domain): string[] {
  return [...domain.slots.NAME!, ...(JSON.parse(readFileSync(join(TALK, 'names.json'), 'utf8')) as string[])];
}

/** @returns the sentences that the agent begins a call with and that no training has shown. */
export function heldOutGreetings(domain: Domain): string[] {
  const { openers, introductions, questions } = JSON.parse(readFileSync(join(TALK, 'greetings.json'), 'utf8')) as {
    readonly [part in 'openers' | 'introductions' | 'questions']: readonly string[];
  };
  const names = domain.slots.NAME!;
  // The training goes through all greetings with the names in turn, one a greeting, whether it holds a name or not.
  const all = openers.flatMap((opener) =>
    introductions.flatMap((introduction) => questions.map((question) => [opener, introduction, question] as const)),
  );
  return all
    .map(([opener, introduction, question], index) => {
      const introduced = introduction.replaceAll('{NAME}', names[index % names.length]!);
      return `${opener}, ${introduced}. ${question}`;
    })
    .filter((greeting) => isHeldOut(normalise(greeting)));
}
