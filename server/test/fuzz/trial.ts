import { attackFromOutside } from './attack-from-outside.ts';
import type { AttackOrder } from './attackers.ts';
import type { CampaignReport } from './campaign.ts';
import type { InputName } from './inputs.ts';
import { growthBetween, type MemoryGrowth, type ProcessWatch, type WatchedProcess } from './process-watch.ts';

/** A call that goes on beside the attacks. */
export interface Neighbour {
  /** Ends the call, and tells what it noticed: one line for each harm. */
  finish(): Promise<readonly string[]>;
  /** Figures of what it heard, once it has finished; absent where it only hears right or wrong. */
  readonly heard?: Readonly<Record<string, number>>;
}

/** What is attacked, watched and called. */
export interface Target {
  readonly inputs: readonly InputName[];
  /** The server's URL, or the worker's socket. */
  readonly address: string;
  readonly watch: ProcessWatch;
  /** @param isJudged false where the call is only there: then it need not learn first what calm sounds like. */
  startNeighbour(isJudged: boolean): Promise<Neighbour>;
  /** What the target itself logged as an error of its own, one a line. */
  defects(): readonly string[];
}

export interface TrialOptions {
  readonly seed: number;
  /** Mutations of each input. */
  readonly count: number;
  /**
   * Mutations before memory is read for the first time, those after the counted ones of the seed. Compiled code, pools
   * and the allocator's free lists grow to their size under the first ten thousand or so, and then stay.
   */
  readonly warmUpCount: number;
  readonly concurrency: number;
  /** Mutations a second of each input at most: the other call runs on this machine too. */
  readonly perSecondMax: number;
  readonly onProgress?: (done: number) => void;
}

export interface TrialReport {
  /** Warm-ups and counted ones, in the order of the target's inputs. */
  readonly warmUps: readonly CampaignReport[];
  readonly campaigns: readonly CampaignReport[];
  /** Processes that ended, were replaced, or let an error reach their top. */
  readonly crashes: readonly string[];
  readonly harms: readonly string[];
  readonly heard: Readonly<Record<string, number>>;
  readonly growth: readonly MemoryGrowth[];
  readonly warnings: readonly string[];
  readonly defects: readonly string[];
}

/**
 * Attacks all inputs of a target at once while a neighbour calls. Memory is read while nobody calls: a forced
 * collection stops the process.
 */
export async function runTrial(target: Target, options: TrialOptions): Promise<TrialReport> {
  const { watch } = target;
  const { count, warmUpCount, onProgress, ...rest } = options;
  const first = watch.processes();
  const warmUp = await attackAll(target, false, { ...rest, from: count, count: warmUpCount });
  const before = await watch.readMemory();
  const trial = await attackAll(target, true, { ...rest, from: 0, count }, onProgress);
  const after = await watch.readMemory();
  return {
    warmUps: warmUp.reports,
    campaigns: trial.reports,
    crashes: [...changesBetween(first, watch.processes()), ...watch.uncaught()],
    harms: [...warmUp.harms, ...trial.harms],
    heard: trial.heard,
    growth: growthBetween(before, after),
    warnings: watch.warnings(),
    defects: target.defects(),
  };
}

async function attackAll(
  target: Target,
  isJudged: boolean,
  options: Omit<AttackOrder, 'inputs' | 'address'>,
  onProgress?: (done: number) => void,
): Promise<Pick<TrialReport, 'harms' | 'heard'> & { readonly reports: readonly CampaignReport[] }> {
  let neighbour: Neighbour;
  try {
    neighbour = await target.startNeighbour(isJudged);
  } catch (error) {
    // A server that no longer takes calls: the report says so, and whose fault it was.
    return { reports: [], heard: {}, harms: [error instanceof Error ? error.message : String(error)] };
  }
  const { inputs, address } = target;
  const reports = await attackFromOutside({ ...options, inputs, address }, onProgress);
  const harms = await neighbour.finish();
  return { reports, harms, heard: neighbour.heard ?? {} };
}

function changesBetween(before: readonly WatchedProcess[], after: readonly WatchedProcess[]): string[] {
  const isIn = (list: readonly WatchedProcess[], { pid }: WatchedProcess) => list.some((other) => other.pid === pid);
  return [
    ...before.filter((process) => !isIn(after, process)).map(({ name, pid }) => `${name} (${pid}) ended`),
    ...after.filter((process) => !isIn(before, process)).map(({ name, pid }) => `${name} (${pid}) was started`),
  ];
}
