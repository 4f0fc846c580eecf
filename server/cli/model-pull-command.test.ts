import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeUntrainedCheckpoint, SMALL_DIMENSIONS } from '../../inference/runtime.ts';
import { TestHub } from './model-pull/testing/test-hub.ts';
import { writeWav } from './wav-file.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const SERVER = fileURLToPath(new URL('../main.ts', import.meta.url));
const NAME = 'someone/small-moshi';
const COMMIT = 'c0ffee'.padEnd(40, '0');

let dir: string;
let hub: TestHub;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-model-pull-'));
  const source = join(dir, 'source');
  await makeUntrainedCheckpoint(source, SMALL_DIMENSIONS, 1);
  const names = await readdir(source);
  const files = await Promise.all(names.map(async (name) => [name, await readFile(join(source, name))] as const));
  hub = await TestHub.start({ name: NAME, commit: COMMIT, files: new Map(files), cardData: { license: 'cc-by-4.0' } });
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });
});

function givenParley(...args: string[]) {
  return givenScript(MAIN, ...args);
}

function givenScript(...args: string[]) {
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // As on a machine that never pulled anything.
    env: { ...process.env, HF_ENDPOINT: hub.url, XDG_CACHE_HOME: dir },
  });
  const shown = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      shown[name] += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, ...shown }));
  return { child, shown, ended };
}

describe('parley model pull', () => {
  it('brings a model that then runs by its name, after an interruption at which it lost nothing', {
    timeout: 60_000,
  }, async () => {
    const silentAt = 1_000_000;
    hub.fault = (name) => (name === 'model.safetensors' ? { silentAt } : undefined);
    const first = givenParley('model', 'pull', NAME);
    await expect.poll(() => first.shown.stderr, { timeout: 20_000 }).toContain('Downloading model.safetensors');
    const beside = await givenParley('model', 'pull', NAME).ended;
    expect(beside).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('MODEL_PULL_BUSY') });
    first.child.kill('SIGINT');
    const interrupted = await first.ended;
    expect(interrupted).toMatchObject({ code: 1, stdout: '' });
    expect(interrupted.stderr).toContain('licence  cc-by-4.0');
    expect(interrupted.stderr).toMatch(
      /DOWNLOAD_INTERRUPTED: model\.safetensors after \d+ of \d+ bytes.*\nGive the same/,
    );

    hub.fault = () => undefined;
    hub.asked.length = 0;
    const directory = join(dir, 'parley', 'models', 'someone--small-moshi', COMMIT);
    expect(await givenParley('model', 'pull', NAME, '--yes').ended).toMatchObject({
      code: 0,
      stdout: `${directory}\nTo hear it: npm start -- --model ${NAME}\n`,
    });
    const ranges = hub.asked.filter(({ path }) => path === '/model.safetensors').map(({ range }) => range);
    expect(ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d*-$/)]);

    const [heard, said] = [join(dir, 'in.wav'), join(dir, 'out.wav')];
    await writeWav(heard, new Float32Array(4000));
    const answer = await givenParley('wav', '--in', heard, '--out', said, '--model', NAME).ended;
    expect(answer).toMatchObject({ code: 0, stderr: expect.stringContaining(directory) });
  });

  it('says in two lines what is wrong and what to do', async () => {
    const { code, stdout, stderr } = await givenParley('model', 'pull', 'no/one').ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^MODEL_UNKNOWN: no\/one, revision main: 401, .*\nCheck owner\/name.*\n$/);
  });
});

describe('a model that was not pulled', () => {
  it.each([
    ['a tool', MAIN, ['wav', '--out', '/tmp/never.wav', '--in']],
    ['the server', SERVER, ['--port', '0', '--record']],
  ])('is asked of %s in vain: it says how to pull it', async (_, script, flags) => {
    const heard = join(dir, 'heard.wav');
    await writeWav(heard, new Float32Array(4000));
    const { code, stdout, stderr } = await givenScript(script, ...flags, heard, '--model', 'no/one').ended;
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^MODEL_NOT_PULLED: no\/one is no directory.*\n.*`npm run parley -- model pull OWNER\/NAME`.*\n$/,
    );
  });
});
