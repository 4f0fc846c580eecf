import { existsSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createEngine, INFERENCE_ERRORS, InferenceError } from '../../inference/index.ts';
import { publish } from '../report/report.ts';
import { Domain } from './domain.ts';
import { Ear, findPython } from './ear.ts';
import { EVALUATION_ERRORS, EvaluationError } from './errors.ts';
import { type Judged, judgeModel, judgePrompts } from './evaluation.ts';
import { greetingTextOf } from './greetings.ts';
import { AUDIBLE_DBFS } from './level.ts';
import { type Prompt, readManifest, readPromptSound } from './manifest.ts';

const OPTIONS = {
  model: { type: 'string' },
  prompts: { type: 'string' },
  'held-out': { type: 'string' },
  limit: { type: 'string' },
  python: { type: 'string' },
  slots: { type: 'string', default: '8' },
  json: { type: 'string' },
} as const;

/** Judges the model that Parley loads, through the whole engine. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  const domain = Domain.load();
  const limit = values.limit === undefined ? undefined : positive('limit', values.limit);
  // Read before anything is loaded: what is wrong with them is told at once.
  const [given, seen, unseen] = values.prompts
    ? [readManifest(values.prompts, domain, limit), [], []]
    : [undefined, ...readHeldOut(values['held-out'] ?? defaultPrompts(), domain, limit)];
  for (const prompt of [...(given ?? []), ...seen, ...unseen]) await readPromptSound(prompt);
  const python = findPython(values.python ?? process.env.PARLEY_TRAIN_PYTHON);
  const tell = (line: string) => console.log(`${(performance.now() / 1000).toFixed(0).padStart(5)} s  ${line}`);
  await using ear = python === undefined ? undefined : await Ear.start(python);
  console.log(ear ? 'Whisper tiny.en judges the sound.' : NO_RECOGNISER);
  const engine = await createEngine({
    engine: 'moshi',
    slotCount: positive('slots', values.slots),
    ...(values.model && { modelDir: resolve(values.model) }),
    tell,
  });
  try {
    if (engine.info.isUntrained) console.log('This model is not trained: its figures are those of noise.');
    const evaluated = { engine, domain, ear, tell };
    const greetingText = values.model ? greetingTextOf(values.model) : undefined;
    const judged = given
      ? await judgePrompts(evaluated, given)
      : await judgeModel(evaluated, seen, unseen, greetingText);
    tellBesides(judged);
    const parameters = {
      judge: ear ? 'faster-whisper tiny.en, the sound' : 'the agent’s text',
      checkpointHash: engine.info.checkpointHash,
      isUntrained: engine.info.isUntrained,
      audibleDbfs: AUDIBLE_DBFS,
      limit: limit ?? 'none',
      threads: availableParallelism(),
      chances: judged.chances,
      absent: judged.absent,
    };
    publish({ name: 'model', parameters, metrics: judged.metrics, raw: judged.raw });
  } finally {
    await engine.close();
  }
}

const NO_RECOGNISER =
  'No recogniser: the agent’s text is judged, not its sound. Install inference/train, or give its interpreter with --python.';

function tellBesides({ chances, absent }: Judged): void {
  for (const [name, { bestConstant, bestConstantShare, guess }] of Object.entries(chances)) {
    const constant = bestConstant === '' ? 'silence' : `always “${bestConstant}”`;
    console.log(
      `By chance, ${name}: ${bestConstantShare.toFixed(3)} with ${constant}, ${guess.toFixed(4)} by guessing.`,
    );
  }
  for (const [metric, why] of Object.entries(absent)) console.log(`No ${metric}: ${why}.`);
}

/** Where the training writes the prompts that it never trains on. */
function defaultPrompts(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'parley/train/prompts');
}

function readHeldOut(folder: string, domain: Domain, limit: number | undefined): [seen: Prompt[], unseen: Prompt[]] {
  const sets = ['seen', 'unseen'].map((voices) => join(folder, voices));
  if (!sets.some((set) => existsSync(join(set, 'manifest.json')))) {
    throw new EvaluationError('PROMPTS_MISSING', `no manifest.json in ${sets.join(' or ')}`);
  }
  const read = (set: string) => (existsSync(join(set, 'manifest.json')) ? readManifest(set, domain, limit) : []);
  return [read(sets[0]!), read(sets[1]!)];
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a whole number from 1 on, not ${text}`);
  return value;
}

try {
  await main();
} catch (error) {
  process.exitCode = 1;
  if (error instanceof EvaluationError) console.error(`${error.message}\n${EVALUATION_ERRORS[error.code].fix}`);
  else if (error instanceof InferenceError) console.error(`${error.message}\n${INFERENCE_ERRORS[error.code].fix}`);
  else console.error(error);
}
