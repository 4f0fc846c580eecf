import { describe, expect, it } from 'vitest';
import { runTrial, type TrialReport } from './trial.ts';
import { LinkTarget } from './worker-link/link-target.ts';

const COUNT = 2000;
const HEAP_GROWTH_MIB_MAX = 5;

function expectUnharmed(report: TrialReport): void {
  expect(report.crashes).toEqual([]);
  expect(report.violations).toEqual([]);
  expect(report.harms).toEqual([]);
  expect(report.warnings).toEqual([]);
  expect(report.growth.length).toBeGreaterThan(0);
  for (const { name, heapMib } of report.growth) {
    if (name.endsWith('.ts')) expect(heapMib, `growth of the heap of ${name}`).toBeLessThan(HEAP_GROWTH_MIB_MAX);
  }
}

describe('2,000 mutations, while another call goes on', () => {
  it('of the worker link are answered by its protocol, and change no bit of the other call', async () => {
    await using target = await LinkTarget.start();
    const report = await runTrial(target, { seed: 1, count: COUNT, warmUpCount: 1000, concurrency: 8 });
    expectUnharmed(report);
    expect(Object.keys(report.outcomes)).toEqual(
      expect.arrayContaining(['PROTOCOL_INVALID', 'VERSION_UNSUPPORTED', 'FRAME_INVALID (goes on)', 'served']),
    );
  });
});
