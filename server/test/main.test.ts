import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { WrtcCaller } from './wrtc-caller.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const READY_MS_MAX = 20_000;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exited: Promise<unknown[]>;
}

function givenMain(...args: string[]): Running {
  const child = spawn(process.execPath, [MAIN, '--log-level', 'silent', ...args]);
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  closers.push(() => child.kill('SIGKILL'));
  return { child, output: () => output, exited };
}

async function givenServing(): Promise<Running & { url: string }> {
  const running = givenMain('--engine', 'loopback', '--port', '0', '--media-port', '0');
  await expect.poll(running.output, { timeout: READY_MS_MAX }).toContain('Ctrl-C');
  return { ...running, url: /http:\S+/.exec(running.output())![0] };
}

async function givenCaller(url: string): Promise<WrtcCaller> {
  const caller = new WrtcCaller(url);
  closers.push(() => caller.close());
  await caller.place();
  await expect.poll(() => caller.states.at(-1), { timeout: READY_MS_MAX }).toBe('live');
  return caller;
}

/** Every process below this one. */
async function descendantsOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const pids = children.split(' ').filter(Boolean).map(Number);
  return [...pids, ...(await Promise.all(pids.map(descendantsOf))).flat()];
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('node server/main.ts', { timeout: 60_000 }, () => {
  it('says where it is and what answers, serves, and leaves nothing behind on SIGTERM', async () => {
    const { child, output, exited, url } = await givenServing();
    expect(output()).toMatch(/page +http:\/\/127\.0\.0\.1:\d+\/\n +engine +loopback · 8 calls at once\n/);
    expect(await (await fetch(new URL('healthz', url))).json()).toMatchObject({ status: 'ok', slots: 8 });
    const pids = await descendantsOf(child.pid!);
    expect(pids.length).toBeGreaterThanOrEqual(3); // media, mediasoup, inference
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    await expect.poll(() => pids.filter(isRunning), { timeout: 5_000 }).toEqual([]);
  });

  it('drains on the first signal: the call goes on, the next is refused, and its end is the server’s', async () => {
    const { child, exited, output, url } = await givenServing();
    const caller = await givenCaller(url);
    const latecomer = new WrtcCaller(url);
    closers.push(() => latecomer.close());
    child.kill('SIGINT');
    await expect.poll(output).toContain('Waiting for 1 call');
    expect(await latecomer.ask('join', { protocolVersion: 1 })).toMatchObject({ error: { code: 'SERVER_DRAINING' } });
    expect((await fetch(new URL('healthz', url))).status).toBe(503);
    expect(caller.states.at(-1)).toBe('live');
    await caller.request('hangup', {});
    expect(await exited).toEqual([0, null]);
  });

  it('takes a signal that comes twice at once for one, and a later one as force', async () => {
    const { child, exited, output, url } = await givenServing();
    const caller = await givenCaller(url);
    child.kill('SIGINT');
    child.kill('SIGINT');
    await expect.poll(output).toContain('Waiting for 1 call');
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(caller.states.at(-1)).toBe('live');
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    expect(caller.endings).toEqual([{ reason: 'server-shutdown' }]);
  });

  it('leaves nothing behind when it is killed', async () => {
    const { child, url } = await givenServing();
    await givenCaller(url);
    const pids = await descendantsOf(child.pid!);
    child.kill('SIGKILL');
    await expect.poll(() => pids.filter(isRunning), { timeout: 5_000 }).toEqual([]);
  });

  it('names the port that is taken, says what to do, and leaves nothing behind', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    closers.push(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { output, exited } = givenMain('--engine', 'loopback', '--media-port', '0', '--port', String(port));
    expect(await exited).toEqual([1, null]);
    expect(output()).toMatch(new RegExp(`ADDRESS_UNAVAILABLE: 127\\.0\\.0\\.1:${port}: .*\\n.*--port`));
  });

  it('names the audio’s port that is taken, and the flag for another', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    closers.push(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { output, exited } = givenMain('--engine', 'loopback', '--port', '0', '--media-port', String(port));
    expect(await exited).toEqual([1, null]);
    expect(output()).toMatch(new RegExp(`MEDIA_PORT_UNAVAILABLE: 127\\.0\\.0\\.1:${port}: .*\\n.*--media-port`));
  });

  it('says what is wrong with a model that cannot be read', async () => {
    const { output, exited } = givenMain('--port', '0', '--media-port', '0', '--model', '/nonexistent');
    expect(await exited).toEqual([1, null]);
    expect(output()).toContain('CHECKPOINT_FILE_MISSING');
  });
});
