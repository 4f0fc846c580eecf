import type { Page } from 'playwright-core';
import { launchChromium, newCallerContext, writeSpeech } from '../../../benchmarks/browser/index.ts';
import { countSound, watchSound } from '../../console/testing/watch-sound.ts';
import type { ParleyNode } from '../../node.ts';
import { givenNode } from '../given-node.ts';
import { mediasoupPid } from '../mediasoup-pid.ts';

/** Between kills the call is left alone for so long that its sound is settled again. */
const REST_MS = 1_500;
const POLL_MS = 20;
const OUTAGE_MS_MAX = 20_000;

export interface MediaKill {
  /** From the kill to the first sample that Chromium played and had not made up; infinity where none came. */
  readonly soundBackMs: number;
}

/** A call from Chromium to the loopback engine, whose mediasoup worker is killed again and again. */
export async function killMediasoup(count: number, report: (kill: MediaKill) => void = () => {}): Promise<MediaKill[]> {
  const node = await givenNode();
  const browser = await launchChromium({
    microphoneWav: writeSpeech('One, two, three, four, five, six, seven, eight.'),
  });
  try {
    const page = await (await newCallerContext(browser)).newPage();
    await watchSound(page);
    await page.goto(node.urls[0]!);
    await page.getByRole('button', { name: 'Call' }).click();
    const kills: MediaKill[] = [];
    await untilHeard(page, 0);
    for (let i = 0; i < count; i++) {
      await page.waitForTimeout(REST_MS);
      const kill = await killOnce(page, node);
      report(kill);
      kills.push(kill);
    }
    return kills;
  } finally {
    await browser.close();
    await node.close('server-shutdown');
  }
}

async function killOnce(page: Page, node: ParleyNode): Promise<MediaKill> {
  const { connections } = await countSound(page);
  const killedAtMs = performance.now();
  process.kill(await mediasoupPid(node), 'SIGKILL');
  // Sound of the old connection is what was in its buffer: only a new one can bring sound back.
  const isBack = await untilHeard(page, connections);
  return { soundBackMs: isBack ? performance.now() - killedAtMs : Number.POSITIVE_INFINITY };
}

/** @returns true once a connection from number `first` on has played a sample that it received. */
async function untilHeard(page: Page, first: number): Promise<boolean> {
  const deadlineMs = performance.now() + OUTAGE_MS_MAX;
  while (performance.now() < deadlineMs) {
    if ((await countSound(page, first)).heardSamples > 0) return true;
    await page.waitForTimeout(POLL_MS);
  }
  return false;
}
