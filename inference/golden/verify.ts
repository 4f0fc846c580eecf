import { basename, join } from 'node:path';
import { InferenceError } from '../errors.ts';
import { type GoldenCase, Recordings, readCases } from './cases.ts';
import { type CaseVerdict, Comparison } from './comparison.ts';
import { runMimiCase } from './mimi-case.ts';
import { runSamplingCase } from './sampling-case.ts';
import { runDuplexCase, runGreedyCase, runPersonaPlexCase } from './stepped-case.ts';
import { runTeacherCase } from './teacher-case.ts';
import { Workbench } from './workbench.ts';

export interface VerifiedCase extends CaseVerdict {
  /** `folder/case` */
  readonly name: string;
  readonly kind: GoldenCase['kind'] | 'directory';
}

type CaseRunner = (bench: Workbench, recorded: Recordings, comparison: Comparison, golden: GoldenCase) => Promise<void>;

const RUNNERS: Record<GoldenCase['kind'], CaseRunner> = {
  mimi: runMimiCase,
  'lm-teacher': runTeacherCase,
  'lm-greedy': runGreedyCase,
  duplex: runDuplexCase,
  sampling: (_, recorded, comparison) => runSamplingCase(recorded, comparison),
  personaplex: runPersonaPlexCase,
};

/**
 * Runs every case of each directory, a checkpoint with `cases.json` and `cases/`, against the runtime. A case that
 * throws is a case that fails, and so is a directory that holds no such thing: the others are still told.
 */
export async function* verifyDirectories(directories: readonly string[]): AsyncGenerator<VerifiedCase> {
  for (const directory of directories) {
    try {
      yield* verifyDirectory(directory);
    } catch (error) {
      if (!(error instanceof InferenceError)) throw error;
      yield { ...new Comparison().verdict, problem: error.message, name: basename(directory), kind: 'directory' };
    }
  }
}

async function* verifyDirectory(directory: string): AsyncGenerator<VerifiedCase> {
  const cases = readCases(directory);
  await using bench = new Workbench(directory);
  for (const golden of cases) yield await verifyCase(bench, directory, golden);
}

async function verifyCase(bench: Workbench, directory: string, golden: GoldenCase): Promise<VerifiedCase> {
  const comparison = new Comparison();
  let thrown = '';
  try {
    using recorded = new Recordings(join(directory, golden.file));
    await RUNNERS[golden.kind](bench, recorded, comparison, golden);
  } catch (error) {
    thrown = String(error);
  }
  const { verdict } = comparison;
  return {
    ...verdict,
    passed: verdict.passed && thrown === '',
    problem: thrown || verdict.problem,
    name: `${basename(directory)}/${golden.name}`,
    kind: golden.kind,
  };
}
