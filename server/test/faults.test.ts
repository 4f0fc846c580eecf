import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ParleyNode } from '../node.ts';
import { Callers, untilHeard, untilState } from './callers.ts';
import { givenNode } from './given-node.ts';
import { mediasoupPid } from './mediasoup-pid.ts';

let node: ParleyNode;
const callers = new Callers();
beforeAll(async () => {
  node = await givenNode();
});
afterAll(() => node.close('server-shutdown'));
afterEach(async () => {
  callers.closeAll();
  await expect.poll(() => node.callCount).toBe(0);
  await expect.poll(() => node.health.status, { timeout: 10_000 }).toBe('ok');
});

describe('a killed inference worker', { timeout: 90_000 }, () => {
  it('is told to its calls, which go on with a fresh slot of its successor', async () => {
    const live = await Promise.all([callers.call(node, 500), callers.call(node, 900)]);
    const { engine } = node.pids;
    process.kill(engine!, 'SIGKILL');
    for (const [index, caller] of live.entries()) {
      await expect.poll(() => caller.faultCodes).toEqual(['ENGINE_LOST']);
      await expect.poll(() => caller.states.slice(2), { timeout: 10_000 }).toEqual(['live', 'reconnecting', 'live']);
      await untilHeard(caller, [500, 900][index]!);
    }
    expect(node.pids.engine).not.toBe(engine);
    expect(node.health.status).toBe('ok');
  });

  it('is noticed within 100 ms', async () => {
    const caller = await callers.call(node);
    const killedAtMs = performance.now();
    process.kill(node.pids.engine!, 'SIGKILL');
    await expect.poll(() => caller.faultCodes, { interval: 5 }).toEqual(['ENGINE_LOST']);
    expect(caller.events.find(({ name }) => name === 'fault')!.atMs - killedAtMs).toBeLessThan(100);
  });

  it('refuses calls with a code to try again on, until its successor is there', async () => {
    process.kill(node.pids.engine!, 'SIGKILL');
    await expect.poll(() => node.health.isEngineUp, { interval: 1 }).toBe(false);
    expect(node.health.status).toBe('degraded');
    const caller = callers.dial(node, 800);
    expect(await caller.ask('join', { protocolVersion: 1 })).toMatchObject({
      error: { code: 'ENGINE_LOST', retryable: true },
    });
    await expect.poll(() => node.health.status, { timeout: 10_000 }).toBe('ok');
    await caller.place();
    await untilHeard(caller, 800);
  });
});

describe("mediasoup's killed worker", () => {
  it('is replaced, and its calls rejoin over new transports', async () => {
    const live = await Promise.all([callers.call(node, 500), callers.call(node, 900)]);
    for (const [index, caller] of live.entries()) await untilHeard(caller, [500, 900][index]!);
    process.kill(await mediasoupPid(node), 'SIGKILL');
    for (const [index, caller] of live.entries()) {
      await expect.poll(() => caller.states.slice(2), { timeout: 10_000 }).toEqual(['live', 'reconnecting', 'live']);
      await untilHeard(caller, [500, 900][index]!);
    }
  });
});

describe('a caller that loses its transports', { timeout: 90_000 }, () => {
  it('rejoins the same call', async () => {
    const caller = await callers.call(node, 750);
    await untilHeard(caller, 750);
    caller.dropMedia();
    await expect.poll(() => caller.states.slice(2), { timeout: 10_000 }).toEqual(['live', 'reconnecting', 'live']);
    await untilHeard(caller, 750);
    expect(node.callCount).toBe(1);
  });
});

describe('a killed media process', { timeout: 90_000 }, () => {
  it('ends its calls with a reason, and its successor takes the next', async () => {
    const live = await Promise.all([callers.call(node), callers.call(node)]);
    const { media } = node.pids;
    process.kill(media!, 'SIGKILL');
    for (const caller of live) {
      await untilState(caller, 'ended');
      expect(caller.endings).toMatchObject([{ reason: 'media-lost', error: { code: 'MEDIA_LOST', retryable: true } }]);
    }
    await expect.poll(() => node.health.status, { timeout: 10_000 }).toBe('ok');
    expect(node.pids.media).not.toBe(media);
    const next = await callers.call(node, 650);
    await untilHeard(next, 650);
  });
});

describe('both processes killed at once', { timeout: 90_000 }, () => {
  it('come back together', async () => {
    await callers.call(node);
    process.kill(node.pids.engine!, 'SIGKILL');
    process.kill(node.pids.media!, 'SIGKILL');
    await expect.poll(() => node.health.status).toBe('degraded');
    await expect.poll(() => node.health.status, { timeout: 10_000 }).toBe('ok');
    const next = await callers.call(node, 650);
    await untilHeard(next, 650);
  });
});
