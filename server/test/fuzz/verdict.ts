import type { CampaignReport } from './campaign.ts';
import type { InputName } from './inputs.ts';
import type { TrialReport } from './trial.ts';

/** What a trial was asked to do, and what it may cost. */
export interface Demands {
  readonly inputs: readonly InputName[];
  /** Mutations of each input. */
  readonly count: number;
  /** Of any process, resident and on the heap. */
  readonly growthMibMax: number;
}

/** @returns what speaks against the server in a report, one a line; nothing where all was asked and nobody was harmed. */
export function problemsOf(report: TrialReport, demands: Demands): string[] {
  return [
    ...report.crashes.map((crash) => `crash: ${crash}`),
    ...violationsOf(report).map(({ index, message }) => `violation by mutation ${index}: ${message}`),
    ...report.defects.map((defect) => `logged as a defect: ${defect}`),
    ...report.harms.map((harm) => `harm to the other call: ${harm}`),
    ...report.warnings.map((warning) => `warning: ${warning}`),
    ...omissionsOf(report, demands),
    ...growthProblems(report, demands),
  ];
}

/** Mutations that were made and judged, whatever was asked for. */
export function judgedCount({ outcomes }: CampaignReport): number {
  return Object.values(outcomes).reduce((sum, count) => sum + count, 0);
}

export function violationsOf({ warmUps, campaigns }: TrialReport): readonly { index: number; message: string }[] {
  return [...warmUps, ...campaigns].flatMap(({ violations }) => violations);
}

function omissionsOf({ campaigns, growth }: TrialReport, { inputs, count }: Demands): string[] {
  const made = campaigns.map((campaign) => `${judgedCount(campaign)} of ${campaign.input}`).sort();
  const asked = inputs.map((input) => `${count} of ${input}`).sort();
  return [
    ...(made.join() === asked.join() ? [] : [`${made.join(', ') || 'no mutation'}, not ${asked.join(', ')}`]),
    ...(growth.length > 0 ? [] : ['no process was watched']),
  ];
}

function growthProblems({ growth }: TrialReport, { growthMibMax }: Demands): string[] {
  return growth.flatMap(({ name, rssMib, heapMib }) => [
    ...exceeds(`RSS of ${name}`, rssMib, growthMibMax),
    // Only a Node process has a heap to ask for; one that does not tell is not a process that did not grow.
    ...(name.endsWith('.ts') ? exceeds(`heap of ${name}`, heapMib, growthMibMax) : []),
  ]);
}

/** Written so that NaN exceeds: a reading that is missing proves nothing. */
function exceeds(what: string, grownMib: number, mibMax: number): string[] {
  return grownMib < mibMax ? [] : [`${what} grew by ${grownMib.toFixed(1)} MiB, at most ${mibMax}`];
}
