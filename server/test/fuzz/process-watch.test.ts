import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { growthBetween, ProcessWatch } from './process-watch.ts';

/** A process that does as it is told, line by line. */
async function givenProcess(watch: ProcessWatch) {
  const script = `
    const kept = [];
    const acts = {
      keep: () => kept.push(Buffer.alloc(20 * 2 ** 20, 1), Array.from({ length: 1e6 }, (_, i) => ({ i }))),
      drop: () => { for (let i = 0; i < 100; i++) Buffer.alloc(2 ** 20, 1); },
      fork: () => require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']),
      reject: () => void Promise.reject(new Error('nobody cares')),
    };
    process.stdin.on('data', (name) => { acts[String(name).trim()](); process.stdout.write('done'); });
    process.stdout.write('ready');`;
  const child = spawn(process.execPath, ['-e', script], { env: { ...process.env, ...watch.environment } });
  await once(child.stdout, 'data');
  watch.watch(child.pid!);
  const tell = async (act: string) => {
    child.stdin.write(`${act}\n`);
    await once(child.stdout, 'data');
  };
  const end = async () => {
    child.stdin.destroy();
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { child, tell, end };
}

describe('a watch over a process', () => {
  it('sees what it keeps, and not what it dropped', async () => {
    await using watch = await ProcessWatch.create();
    const { tell, end } = await givenProcess(watch);
    await tell('drop');
    const first = await watch.readMemory();
    await tell('drop');
    const second = await watch.readMemory();
    await tell('keep');
    const third = await watch.readMemory();
    expect(growthBetween(first, second)[0]!.heapMib).toBeLessThan(1);
    expect(growthBetween(second, third)[0]!.heapMib).toBeGreaterThan(20);
    expect(growthBetween(second, third)[0]!.rssMib).toBeGreaterThan(20);
    await end();
  });

  it('sees its descendants', async () => {
    await using watch = await ProcessWatch.create();
    const { child, tell, end } = await givenProcess(watch);
    expect(watch.processes().map(({ pid }) => pid)).toEqual([child.pid]);
    await tell('fork');
    const [, forked] = watch.processes();
    expect(watch.processes()).toHaveLength(2);
    await end();
    expect(watch.processes()).toEqual([]);
    process.kill(forked!.pid, 'SIGKILL');
  });

  it('sees the rejection that ends it', async () => {
    await using watch = await ProcessWatch.create();
    const { child, tell } = await givenProcess(watch);
    await tell('reject');
    if (child.exitCode === null) await once(child, 'exit');
    expect(watch.processes()).toEqual([]);
    expect(watch.uncaught()[0]).toMatch(new RegExp(`^${child.pid} unhandledRejection: Error: nobody cares`));
  });
});
