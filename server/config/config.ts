import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { ServerError } from '../errors.ts';
import { type Config, type ConfigInput, ConfigSchema } from './schema.ts';

/** Settings from the command line and the environment; what is absent comes from the file or the defaults. */
export type ConfigOverrides = { [Section in keyof ConfigInput]?: Partial<NonNullable<ConfigInput[Section]>> };

/**
 * Reads the configuration once, for the life of the process.
 *
 * @param file parley.config.json, or undefined for the defaults.
 * @param overrides stand above the file.
 * @returns the configuration, deep-frozen.
 * @throws {ServerError} `CONFIG_UNREADABLE`; `CONFIG_INVALID`, naming every bad path at once; `ACCESS_UNAVAILABLE`
 */
export async function loadConfig(file: string | undefined, overrides: ConfigOverrides = {}): Promise<Config> {
  const written = file === undefined ? {} : await readJson(file);
  return parseConfig(isRecord(written) ? merge(written, overrides as Record<string, unknown>) : written);
}

/** @throws {ServerError} as `loadConfig` */
export function parseConfig(input: unknown): Config {
  const parsed = ConfigSchema.safeParse(input);
  if (!parsed.success) throw new ServerError('CONFIG_INVALID', describeIssues(parsed.error));
  if (parsed.data.access === 'accounts') throw new ServerError('ACCESS_UNAVAILABLE', '`access: accounts`');
  return deepFreeze(parsed.data);
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new ServerError('CONFIG_INVALID', `${file}: ${cause.message}`, { cause });
    throw new ServerError('CONFIG_UNREADABLE', `${file}: ${(cause as Error).message}`, { cause });
  }
}

function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `\n  ${issue.path.join('.') || '(top)'}: ${issue.message}`).join('');
}

function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    if (value === undefined) continue;
    if (isRecord(value) && below === undefined) merged[key] = merge({}, value);
    // A section of the wrong kind is left for the schema to refuse.
    else if (isRecord(value)) merged[key] = isRecord(below) ? merge(below, value) : below;
    else merged[key] = value;
  }
  return merged;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
