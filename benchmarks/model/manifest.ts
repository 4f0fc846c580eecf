import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { z } from 'zod';
import { SAMPLE_RATE_HZ } from '../../inference/index.ts';
import type { Domain, Intent, SlotValues } from './domain.ts';
import { EvaluationError } from './errors.ts';
import { type Span, speechSpan } from './level.ts';
import { readSound } from './sound-file.ts';

const PROMPT_S_MAX = 20;

const EntrySchema = z.object({
  file: z.string().min(1),
  intent: z.string(),
  slots: z.record(z.string(), z.string()).default({}),
  text: z.string(),
  voice: z.string().min(1),
});

/** A recording of a caller, and what is wanted of an answer. */
export interface Prompt {
  readonly path: string;
  /** Its place in the manifest, for errors. */
  readonly name: string;
  readonly intent: Intent;
  readonly slots: SlotValues;
  readonly text: string;
  readonly voice: string;
}

/** A prompt's sound: mono at 24 kHz, and where in it somebody speaks. */
export interface PromptSound {
  readonly pcm: Float32Array;
  readonly speech: Span;
}

/**
 * Reads the manifest of a folder of recordings; the recordings themselves are only looked for.
 * @param perIntent keeps the first few of each intent.
 * @throws EvaluationError `PROMPTS_MISSING`, `MANIFEST_INVALID`, and `MANIFEST_ENTRY_INVALID` with the entry's name
 */
export function readManifest(folder: string, domain: Domain, perIntent = Number.POSITIVE_INFINITY): Prompt[] {
  const path = join(folder, 'manifest.json');
  if (!existsSync(path)) throw new EvaluationError('PROMPTS_MISSING', `no ${path}`);
  let entries: unknown;
  try {
    entries = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new EvaluationError('MANIFEST_INVALID', `${path}: ${(cause as Error).message}`, { cause });
  }
  if (!Array.isArray(entries)) throw new EvaluationError('MANIFEST_INVALID', `${path} is not an array`);
  if (entries.length === 0) throw new EvaluationError('MANIFEST_INVALID', `${path} has no entries`);
  const taken = new Map<string, number>();
  return entries
    .map((entry, index) => readEntry(entry, `${path}, entry ${index}`, folder, domain))
    .filter(({ intent }) => {
      const count = (taken.get(intent.id) ?? 0) + 1;
      taken.set(intent.id, count);
      return count <= perIntent;
    });
}

/** @throws EvaluationError `PROMPT_UNREADABLE`, `PROMPT_WITHOUT_SPEECH`, with the entry's name */
export async function readPromptSound(prompt: Prompt): Promise<PromptSound> {
  const pcm = await readSound(prompt.path).catch((cause: unknown) => {
    if (!(cause instanceof EvaluationError)) throw cause;
    throw new EvaluationError(cause.code, `${prompt.name}: ${cause.message}`, { cause });
  });
  const seconds = pcm.length / SAMPLE_RATE_HZ;
  if (seconds > PROMPT_S_MAX) {
    throw new EvaluationError('PROMPT_WITHOUT_SPEECH', `${prompt.name}: ${seconds.toFixed(1)} s long`);
  }
  const speech = speechSpan(pcm);
  if (!speech) throw new EvaluationError('PROMPT_WITHOUT_SPEECH', prompt.name);
  return { pcm, speech };
}

function readEntry(entry: unknown, where: string, folder: string, domain: Domain): Prompt {
  const refuse = (what: string) => new EvaluationError('MANIFEST_ENTRY_INVALID', `${where}: ${what}`);
  const read = EntrySchema.safeParse(entry);
  if (!read.success) {
    const [issue] = read.error.issues;
    throw refuse(`${issue!.path.join('.')}: ${issue!.message}`);
  }
  const { file, intent: id, slots, text, voice } = read.data;
  const intent = domain.intent(id);
  if (!intent) throw refuse(`intent ${JSON.stringify(id)} is not in the domain`);
  if (isAbsolute(file) || normalize(file).startsWith('..')) throw refuse(`file ${file} is outside the folder`);
  if (!existsSync(join(folder, file))) throw refuse(`no file ${file}`);
  const values = readSlots(intent, slots, domain, refuse);
  if (intent.kind === 'answer' && !domain.acceptPattern(intent, values))
    throw refuse(`${id} has no answer for ${JSON.stringify(slots)}`);
  return { path: join(folder, file), name: `${where} (${file})`, intent, slots: values, text, voice };
}

/** Values in any case, as the domain writes them. Those of a recall are the condition's, not the caller's. */
function readSlots(intent: Intent, slots: SlotValues, domain: Domain, refuse: (what: string) => Error): SlotValues {
  const needed = intent.kind === 'answer' ? domain.slotNames(intent.accept) : new Set<string>();
  return Object.fromEntries(
    [...needed].map((name) => {
      const given = slots[name];
      if (given === undefined) throw refuse(`slots lack ${name}, which ${intent.id} needs`);
      const value = domain.slots[name]!.find((known) => known.toLowerCase() === given.toLowerCase());
      if (value === undefined) throw refuse(`slots.${name}: ${JSON.stringify(given)} is not one of the domain's`);
      return [name, value];
    }),
  );
}
