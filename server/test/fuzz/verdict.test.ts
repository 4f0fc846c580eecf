import { describe, expect, it } from 'vitest';
import type { TrialReport } from './trial.ts';
import { problemsOf } from './verdict.ts';

const CAMPAIGN = { input: 'http', seed: 1, count: 3, elapsedMs: 1, violationCount: 0, violations: [] } as const;
const CLEAN: TrialReport = {
  warmUps: [],
  campaigns: [{ ...CAMPAIGN, outcomes: { '400': 2, '404': 1 } }],
  crashes: [],
  harms: [],
  heard: {},
  growth: [
    { pid: 1, name: 'server/main.ts', rssMib: 1, heapMib: 1 },
    { pid: 2, name: 'mediasoup-worker', rssMib: 1, heapMib: Number.NaN },
  ],
  warnings: [],
  defects: [],
};
const DEMANDS = { inputs: ['http'], count: 3, growthMibMax: 5 } as const;
const violation = { index: 7, message: 'answered 500' };
const node = (part: object) => [{ pid: 1, name: 'server/main.ts', rssMib: 1, heapMib: 1, ...part }];

describe('the verdict over a trial', () => {
  it('is clear where all was asked and nobody was harmed', () => {
    expect(problemsOf(CLEAN, DEMANDS)).toEqual([]);
  });

  it.each<[string, Partial<TrialReport>, string]>([
    ['a process that ended', { crashes: ['server/main.ts (1) ended'] }, 'server/main.ts (1) ended'],
    ['a wrong answer', { warmUps: [{ ...CAMPAIGN, outcomes: {}, violations: [violation] }] }, 'answered 500'],
    ['an error in the log', { defects: ['{"level":50}'] }, 'level'],
    ['a neighbour that heard it', { harms: ['a gap of 2 s'] }, 'a gap of 2 s'],
    ['a warning of Node', { warnings: ['MaxListenersExceededWarning'] }, 'MaxListeners'],
    ['no campaign', { campaigns: [] }, 'no mutation, not 3 of http'],
    ['too few mutations', { campaigns: [{ ...CAMPAIGN, outcomes: { '400': 2 } }] }, '2 of http, not 3 of http'],
    ['another input', { campaigns: [{ ...CAMPAIGN, input: 'rtp', outcomes: { lost: 3 } }] }, '3 of rtp'],
    ['no process', { growth: [] }, 'no process was watched'],
    ['a resident set that grew', { growth: node({ rssMib: 5 }) }, 'RSS of server/main.ts grew by 5.0'],
    ['a heap that grew', { growth: node({ heapMib: 6 }) }, 'heap of server/main.ts grew by 6.0'],
    ['a heap that nobody could read', { growth: node({ heapMib: Number.NaN }) }, 'heap of server/main.ts grew by NaN'],
    ['a process that was not there before', { growth: node({ rssMib: Number.NaN }) }, 'RSS of server/main.ts'],
  ])('names %s', (_, part, said) => {
    const problems = problemsOf({ ...CLEAN, ...part }, DEMANDS);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(said);
  });
});
