import { describe, expect, it } from 'vitest';
import type { InputName } from './inputs.ts';
import { ServerTarget } from './server-target.ts';
import { runTrial, type TrialReport } from './trial.ts';
import { problemsOf } from './verdict.ts';
import { LinkTarget } from './worker-link/link-target.ts';

const COUNT = 2000;

function expectUnharmed(report: TrialReport, ...inputs: InputName[]): void {
  expect(problemsOf(report, { inputs, count: COUNT, growthMibMax: 5 })).toEqual([]);
}

/** How many mutations had an outcome that contains `part`. */
function countOf({ campaigns }: TrialReport, part: string): number {
  const outcomes = campaigns.flatMap((campaign) => Object.entries(campaign.outcomes));
  return outcomes.reduce((sum, [name, count]) => sum + (name.includes(part) ? count : 0), 0);
}

describe('2,000 mutations of each input, while another call goes on', () => {
  it('of the worker link are answered by its protocol, and change no bit of the other call', async () => {
    await using target = await LinkTarget.start();
    const pace = { concurrency: 8, perSecondMax: 1000 };
    const report = await runTrial(target, { seed: 1, count: COUNT, warmUpCount: 500, ...pace });
    expectUnharmed(report, 'worker-link');
    expect(report.growth.map(({ name }) => name)).toEqual(['inference/worker/main.ts']);
    for (const part of ['PROTOCOL_INVALID', 'VERSION_UNSUPPORTED', 'FRAME_INVALID', 'SLOT_CLOSED', 'served']) {
      expect(countOf(report, part), part).toBeGreaterThan(0);
    }
  });

  it('of socket, HTTP and RTP are refused without harm, and the other call hears its tone', async () => {
    await using target = await ServerTarget.start('socket', 'http', 'rtp');
    const pace = { concurrency: 6, perSecondMax: 200 };
    const report = await runTrial(target, { seed: 1, count: COUNT, warmUpCount: 300, ...pace });
    expectUnharmed(report, 'socket', 'http', 'rtp');
    expect(report.growth.map(({ name }) => name).sort()).toEqual([
      'inference/worker/main.ts',
      'mediasoup-worker',
      'server/main.ts',
      'server/media-process/main.ts',
    ]);
    for (const part of [
      'REQUEST_INVALID',
      'REQUEST_OUT_OF_ORDER',
      'MEDIA_REFUSED',
      '404',
      '400',
      '101',
      'opus, heard',
    ]) {
      expect(countOf(report, part), part).toBeGreaterThan(0);
    }
  }, 90_000);
});
