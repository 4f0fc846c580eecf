import type { z } from 'zod';

/** More would be the same mistake again: another format, or another program's file. */
const PROBLEM_COUNT_MAX = 5;
const VALUE_LENGTH_MAX = 60;

/** @returns what is wrong with `json`, on one line: each key with the value found and what was expected. */
export function schemaProblems(error: z.ZodError, json: unknown): string {
  const shown = error.issues.slice(0, PROBLEM_COUNT_MAX).map(({ path, message }) => {
    const expected = message.replace('Invalid input: ', '').replace(/, received [^,]*$/, '');
    return `${path.join('.') || 'all'}: found ${describe(valueAt(json, path))}, ${expected}`;
  });
  const restCount = error.issues.length - shown.length;
  return shown.join('; ') + (restCount > 0 ? `; and ${restCount} more` : '');
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], json);
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= VALUE_LENGTH_MAX ? text : `${text.slice(0, VALUE_LENGTH_MAX)}…`;
}
