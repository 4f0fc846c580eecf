import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { connectWorker } from './link.ts';
import { runPacedCall } from './paced-call.ts';
import { spawnInferenceWorker } from './supervisor.ts';

const frames = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ pcm: new Float32Array(FRAME_SAMPLES).fill((i + 1) / 64) }));

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Polls: for what happens in another process there is no event here. */
async function eventually(isSo: () => boolean, withinMs: number): Promise<void> {
  const untilMs = performance.now() + withinMs;
  while (!isSo() && performance.now() < untilMs) await sleep(5);
  expect(isSo()).toBe(true);
}

describe('a supervised worker', () => {
  it('is ready within 2 s, serves calls, and leaves nothing behind', async () => {
    const worker = await spawnInferenceWorker({ engine: 'loopback', slotCount: 2, simulatedStepMs: 5 });
    const { pid, socketPath } = worker;
    expect(worker.readyMs).toBeLessThan(2000);
    expect(worker.info).toMatchObject({ name: 'loopback', slotCount: 2 });
    await using link = await connectWorker(socketPath);
    const spoken = frames(8);
    const replies = await runPacedCall(link, await link.openSlot({ seed: 1n }), spoken);
    expect(replies.map(({ pcm }) => pcm)).toEqual(spoken.map(({ pcm }) => pcm));
    for (const { stepMs } of replies) expect(stepMs).toBeGreaterThanOrEqual(5);
    await worker.close();
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(socketPath)).toBe(false);
  });

  it('is noticed dead within 100 ms, by its supervisor and by its links, and serves again after respawn', async () => {
    await using worker = await spawnInferenceWorker({ engine: 'loopback', slotCount: 1 });
    const link = await connectWorker(worker.socketPath);
    const slot = await link.openSlot({ seed: 1n });
    const told: [string, unknown, number][] = [];
    const killedMs = performance.now();
    const tell = (who: string) => (what: unknown) => told.push([who, what, performance.now() - killedMs]);
    worker.on('died', tell('worker'));
    link.on('closed', tell('link'));
    slot.on('closed', tell('slot'));
    process.kill(worker.pid, 'SIGKILL');
    await eventually(() => told.length === 3, 1000);
    expect(told.map(([who, what]) => [who, what]).sort()).toEqual([
      ['link', 'peer-closed'],
      ['slot', 'link-closed'],
      ['worker', { cause: 'signal', detail: 'SIGKILL' }],
    ]);
    for (const [, , ms] of told) expect(ms).toBeLessThan(100);
    await expect(link.openSlot({ seed: 1n })).rejects.toMatchObject({ code: 'LINK_CLOSED' });

    await worker.respawn();
    await using again = await connectWorker(worker.socketPath);
    expect(await runPacedCall(again, await again.openSlot({ seed: 1n }), frames(3))).toHaveLength(3);
  });

  it('that hangs is told after two missed ticks, and resumed if it goes on', async () => {
    await using worker = await spawnInferenceWorker({ engine: 'loopback', slotCount: 1 });
    await using link = await connectWorker(worker.socketPath);
    const stalled = Promise.all([once(worker, 'stalled'), once(link, 'stalled')]);
    await once(link, 'tick');
    const stoppedMs = performance.now();
    process.kill(worker.pid, 'SIGSTOP');
    await stalled;
    expect(performance.now() - stoppedMs).toBeLessThan(3 * 80);
    const resumed = Promise.all([once(worker, 'resumed'), once(link, 'resumed')]);
    process.kill(worker.pid, 'SIGCONT');
    await resumed;
    const slot = await link.openSlot({ seed: 1n });
    expect(await runPacedCall(link, slot, frames(3))).toHaveLength(3);
  });

  it('that hangs for a second is ended', async () => {
    await using worker = await spawnInferenceWorker({ engine: 'loopback', slotCount: 1 });
    const died = once(worker, 'died');
    const { pid } = worker;
    process.kill(pid, 'SIGSTOP');
    expect(await died).toEqual([{ cause: 'hang', detail: 'silent for 1000 ms' }]);
    expect(isRunning(pid)).toBe(false);
  });

  it('ends with the process that started it', async () => {
    const { spawn } = await import('node:child_process');
    const supervisor = fileURLToPath(new URL('supervisor.ts', import.meta.url));
    const script = `const { spawnInferenceWorker } = await import(${JSON.stringify(supervisor)});
      const worker = await spawnInferenceWorker({ engine: 'loopback', slotCount: 1 });
      console.log(worker.pid);
      setInterval(() => undefined, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [text] = await once(parent.stdout, 'data');
    expect(isRunning(Number(text))).toBe(true);
    // Both hold this pipe: it ends with the last of them. (A dead orphan may stay listed until init collects it.)
    const ended = once(parent.stdout, 'end');
    parent.kill('SIGKILL');
    const killedMs = performance.now();
    await ended;
    expect(performance.now() - killedMs).toBeLessThan(1000);
  });

  it('whose model loads for ever is ended when its start is given up', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'parley-slow-model-'));
    try {
      // Nobody writes to it: whoever reads the configuration waits.
      execFileSync('mkfifo', [join(dir, 'config.json')]);
      const abort = new AbortController();
      const spawned = spawnInferenceWorker({ engine: 'moshi', slotCount: 1, modelDir: dir }, abort.signal);
      const outcome = expect(spawned).rejects.toMatchObject({ code: 'WORKER_FAILED' });
      // What is still starting has no address yet; by then it has come to the configuration.
      await sleep(1000);
      abort.abort();
      const abortedMs = performance.now();
      await outcome;
      expect(performance.now() - abortedMs).toBeLessThan(4000);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('is not started where that was given up before', async () => {
    const spawned = spawnInferenceWorker({ engine: 'loopback', slotCount: 1 }, AbortSignal.abort());
    await expect(spawned).rejects.toMatchObject({ name: 'AbortError' });
  });

  it.each([
    ['ENGINE_UNKNOWN', { engine: 'parrot' as 'loopback', slotCount: 1 }],
    ['SLOT_COUNT_INVALID', { engine: 'loopback' as const, slotCount: 0 }],
  ])('that cannot start says why: %s', async (code, options) => {
    await expect(spawnInferenceWorker(options)).rejects.toMatchObject({ name: 'InferenceError', code });
  });
});
