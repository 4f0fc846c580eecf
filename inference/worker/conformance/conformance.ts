import { InferenceError } from '../../errors.ts';
import { Bench } from './bench.ts';
import { CONNECTION_CLAUSES } from './connection-clauses.ts';
import { LIMIT_CLAUSES } from './limit-clauses.ts';
import { TICK_CLAUSES } from './tick-clauses.ts';

/** One sentence of PROTOCOL.md, and the trial that shows whether a worker keeps it. */
export interface Clause {
  /** As it stands in brackets in PROTOCOL.md. */
  readonly name: string;
  readonly demands: string;
  /** Throws where the worker does something else; the message says what. */
  try(bench: Bench): Promise<void>;
}

export interface Verdict {
  readonly name: string;
  readonly demands: string;
  readonly passed: boolean;
  /** What the worker did instead; '' where it passed. */
  readonly problem: string;
}

export const CLAUSES: readonly Clause[] = [...CONNECTION_CLAUSES, ...TICK_CLAUSES, ...LIMIT_CLAUSES];

/**
 * Tries a worker against each clause of its protocol, about a second each. It needs all of the worker's slots to be
 * free.
 *
 * @param socketPath where any implementation of the protocol listens.
 * @param names the clauses to try; absent: all.
 * @throws InferenceError `LINK_CLOSED` where nobody listens.
 */
export async function* runConformance(socketPath: string, names?: readonly string[]): AsyncGenerator<Verdict> {
  await demandListener(socketPath);
  for (const clause of CLAUSES) {
    if (names && !names.includes(clause.name)) continue;
    const { name, demands } = clause;
    await using bench = new Bench(socketPath);
    let problem = '';
    try {
      await clause.try(bench);
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    yield { name, demands, passed: problem === '', problem };
  }
}

async function demandListener(socketPath: string): Promise<void> {
  await using bench = new Bench(socketPath);
  await bench.connect().catch((cause: Error) => {
    throw new InferenceError('LINK_CLOSED', cause.message, { cause });
  });
}
