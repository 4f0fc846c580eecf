import { type Campaign, type CampaignReport, runCampaign } from './campaign.ts';
import { growthBetween, type MemoryGrowth, type ProcessWatch, type WatchedProcess } from './process-watch.ts';

/** A call that goes on beside the attacks. */
export interface Neighbour {
  /** Ends the call, and tells what it noticed: one line for each harm. */
  finish(): Promise<readonly string[]>;
}

/** What is attacked, watched and called. */
export interface Target {
  readonly campaign: Campaign;
  readonly watch: ProcessWatch;
  startNeighbour(): Promise<Neighbour>;
}

export interface TrialOptions {
  readonly seed: number;
  readonly count: number;
  /**
   * Mutations before memory is read for the first time, of another seed. Compiled code, pools and the allocator's free
   * lists grow to their size under the first ten thousand or so, and then stay.
   */
  readonly warmUpCount: number;
  readonly concurrency: number;
  readonly onProgress?: (done: number) => void;
}

export interface TrialReport extends CampaignReport {
  /** Processes that ended, were replaced, or let an error reach their top. */
  readonly crashes: readonly string[];
  readonly harms: readonly string[];
  readonly growth: readonly MemoryGrowth[];
  readonly warnings: readonly string[];
}

const WARM_UP_SEED = 0x5eed;

/** Attacks a target while a neighbour calls. Memory is read while nobody calls: a forced collection stops the process. */
export async function runTrial(target: Target, options: TrialOptions): Promise<TrialReport> {
  const { campaign, watch } = target;
  const { seed, count, warmUpCount, concurrency, onProgress } = options;
  const first = watch.processes();
  const warmUp = await withNeighbour(target, () =>
    runCampaign(campaign, { seed: WARM_UP_SEED + seed, count: warmUpCount, concurrency }),
  );
  const before = await watch.readMemory();
  const trial = await withNeighbour(target, () =>
    runCampaign(campaign, { seed, count, concurrency, ...(onProgress && { onProgress }) }),
  );
  const after = await watch.readMemory();
  return {
    ...trial.report,
    violationCount: warmUp.report.violationCount + trial.report.violationCount,
    violations: [...warmUp.report.violations, ...trial.report.violations],
    crashes: [...changesBetween(first, watch.processes()), ...watch.uncaught()],
    harms: [...warmUp.harms, ...trial.harms],
    growth: growthBetween(before, after),
    warnings: watch.warnings(),
  };
}

async function withNeighbour(
  target: Target,
  run: () => Promise<CampaignReport>,
): Promise<{ report: CampaignReport; harms: readonly string[] }> {
  const neighbour = await target.startNeighbour();
  const report = await run();
  return { report, harms: await neighbour.finish() };
}

function changesBetween(before: readonly WatchedProcess[], after: readonly WatchedProcess[]): string[] {
  const isIn = (list: readonly WatchedProcess[], { pid }: WatchedProcess) => list.some((other) => other.pid === pid);
  return [
    ...before.filter((process) => !isIn(after, process)).map(({ name, pid }) => `${name} (${pid}) ended`),
    ...after.filter((process) => !isIn(before, process)).map(({ name, pid }) => `${name} (${pid}) was started`),
  ];
}
