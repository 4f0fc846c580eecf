import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectWorker, FRAME_SAMPLES, spawnInferenceWorker } from '../../inference/index.ts';
import { makeUntrainedCheckpoint, SMALL_DIMENSIONS, SMALL_TRANSCRIBER } from '../../inference/runtime.ts';
import { readWav, writeWav } from './wav-file.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../../inference/golden/fixtures', import.meta.url));

let dir: string;
let input: string;
const spoken = Float32Array.from({ length: 30_000 }, (_, i) => 0.3 * Math.sin(i / 9));
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-cli-'));
  input = join(dir, 'in.wav');
  await writeWav(input, spoken);
});
afterAll(() => rm(dir, { recursive: true }));

/** Runs the tool as its user does. */
async function parley(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, stdout, stderr };
}

describe('parley wav', () => {
  it('writes what the model says, as long as what it heard, and the same for the same seed', {
    timeout: 60_000,
  }, async () => {
    const run = async (name: string, seed: string) => {
      const out = join(dir, name);
      const flags = ['--cache', join(dir, 'cache'), '--seed', seed];
      const result = await parley('wav', '--in', input, '--out', out, ...flags);
      expect(result).toMatchObject({ code: 0, stderr: '' });
      expect(result.stdout).toMatch(/real-time factor \d+\.\d{3}: 1\.25 s of audio in \d+\.\d\d s\n$/);
      const pcm = await readWav(out);
      expect(pcm).toHaveLength(spoken.length);
      return { bits: Buffer.from(pcm.buffer).toString('base64'), said: result.stdout.split('\n')[0] };
    };
    const first = await run('1.wav', '18446744073709551615');
    const again = await run('2.wav', '18446744073709551615');
    const other = await run('3.wav', '7');
    expect(again).toEqual(first);
    expect(other.bits).not.toBe(first.bits);
    expect(first.said).not.toBe('');
  });

  it('says beside what it finds out how the loading of a checkpoint goes on', { timeout: 60_000 }, async () => {
    const [model] = (await readdir(join(dir, 'cache'))).filter((name) => name.startsWith('untrained-'));
    const flags = ['--model', join(dir, 'cache', model!), '--cache', join(dir, 'cache')];
    const result = await parley('wav', '--in', input, '--out', join(dir, '4.wav'), ...flags);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining('real-time factor') });
    expect(result.stderr).toMatch(/^Loading \/.*: [\d.]+ GB\nLoaded in \d+\.\d s\n$/);
  });

  it('prints what the caller was heard to say, of a model with a transcriber', { timeout: 60_000 }, async () => {
    const model = join(dir, 'with-transcriber');
    await makeUntrainedCheckpoint(model, { ...SMALL_DIMENSIONS, transcriber: SMALL_TRANSCRIBER }, 1);
    const flags = ['--model', model, '--cache', join(dir, 'cache')];
    const { code, stdout } = await parley('wav', '--in', input, '--out', join(dir, '5.wav'), ...flags);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\S.*\nheard: \S.*\nreal-time factor /);
  });

  it('gives back what it heard through loopback', async () => {
    const out = join(dir, 'loopback.wav');
    expect(await parley('wav', '--engine', 'loopback', '--in', input, '--out', out)).toMatchObject({ code: 0 });
    expect(await readWav(out)).toEqual(await readWav(input));
  });

  it.each([
    ['a missing file', ['--in', '/nowhere.wav', '--out', '/tmp/x.wav'], 'WAV_UNREADABLE'],
    ['a file that is no WAV', ['--in', MAIN, '--out', '/tmp/x.wav'], 'WAV_INVALID'],
    ['an unknown engine', ['--in', 'INPUT', '--out', '/tmp/x.wav', '--engine', 'parrot'], 'ENGINE_UNKNOWN'],
    [
      'a directory without a model',
      ['--in', 'INPUT', '--out', '/tmp/x.wav', '--model', '/'],
      'CHECKPOINT_FILE_MISSING',
    ],
    ['a seed below 0', ['--in', 'INPUT', '--out', '/tmp/x.wav', '--seed', '-1'], '--seed'],
    ['a missing flag', ['--in', 'INPUT'], '--out'],
  ])('says in a line or two what is wrong with %s, and exits with 1', async (_, args, said) => {
    const result = await parley('wav', ...args.map((arg) => (arg === 'INPUT' ? input : arg)));
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toContain(said);
    expect(result.stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  });
});

describe('parley verify', () => {
  it('prints a line for each case and exits with 0', async () => {
    const { code, stdout } = await parley('verify', join(FIXTURES, 'sampling'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^sampling\/\S+ +\d+ +\S+ +passed$/m);
    expect(stdout).toMatch(/(\d+) of \1 cases passed/);
  });

  it('prints a failed line for a folder without cases, goes on, and exits with 1', async () => {
    const { code, stdout, stderr } = await parley('verify', dir, join(FIXTURES, 'sampling'));
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^parley-cli-\S+ .*FAILED: CHECKPOINT_FILE_MISSING: .*cases\.json$/m);
    expect(stdout).toMatch(/^sampling\/\S+ +\d+ +\S+ +passed$/m);
    expect(stdout).toMatch(/^1 of 2 cases passed$/m);
  });
});

describe('parley replay', () => {
  it('finds a log bit-equal, and writes its calls', { timeout: 60_000 }, async () => {
    const logs = join(dir, 'logs');
    {
      await using worker = await spawnInferenceWorker({ engine: 'loopback', slotCount: 2, recordDir: logs });
      await using link = await connectWorker(worker.socketPath);
      const slot = await link.openSlot({ seed: 1n });
      const { index } = link.clock.nextTick(performance.now());
      for (let i = 0; i < 6; i++)
        slot.sendFrame(index + 1 + i, spoken.subarray(i * FRAME_SAMPLES, (i + 1) * FRAME_SAMPLES));
      const { promise, resolve } = Promise.withResolvers<void>();
      slot.on('reply', (reply) => reply.tickIndex === index + 6 && resolve());
      await promise;
      await slot.close();
    }
    const [name] = await readdir(logs);
    const { code, stdout } = await parley('replay', join(logs, name!), '--wav', join(dir, 'calls'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d outputs of \d steps compared; the log's end: worker-ended\nbit-equal\n/);
    const [call] = await readdir(join(dir, 'calls'));
    const pcm = await readWav(join(dir, 'calls', call!));
    for (let i = 0; i < 6 * FRAME_SAMPLES; i++) expect(Math.abs(pcm[i]! - spoken[i]!)).toBeLessThan(1e-4);
  });

  it('refuses a file that is no log', async () => {
    const { code, stderr } = await parley('replay', input);
    expect(code).toBe(1);
    expect(stderr).toContain('LOG_INVALID');
  });
});

describe('parley conformance', () => {
  it('prints a verdict for each clause', { timeout: 60_000 }, async () => {
    await using worker = await spawnInferenceWorker({ engine: 'loopback', slotCount: 1 });
    const { code, stdout } = await parley('conformance', worker.socketPath);
    expect(stdout).toMatch(/^passed {2}greets: /);
    expect(stdout).toMatch(/(\d+) of \1 clauses passed\n$/);
    expect(code).toBe(0);
  });

  it('says that nobody listens', async () => {
    const { code, stderr } = await parley('conformance', join(dir, 'none.sock'));
    expect(code).toBe(1);
    expect(stderr).toContain('LINK_CLOSED');
  });
});
