import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAbandoned, withLock } from './lock.mjs';

const SILENT_MS = 31_000;

describe('a holder of a lock', () => {
  const holder = { pid: 7, place: 'here' };

  it('keeps it while it lives, however long it is silent', () => {
    expect(isAbandoned(holder, SILENT_MS, 'here', () => true)).toBe(false);
  });

  it('loses it at once when it has died', () => {
    expect(isAbandoned(holder, 0, 'here', () => false)).toBe(true);
  });

  it('in another container is judged by its heartbeat, not by a process of the same number here', () => {
    expect(isAbandoned(holder, 1_000, 'elsewhere', () => false)).toBe(false);
    expect(isAbandoned(holder, SILENT_MS, 'elsewhere', () => true)).toBe(true);
  });

  it('that cannot be read is judged by its heartbeat', () => {
    expect(isAbandoned(null, 1_000, 'here', () => true)).toBe(false);
    expect(isAbandoned(null, SILENT_MS, 'here', () => true)).toBe(true);
  });
});

describe('a lock', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'parley-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is given back when the work fails', async () => {
    const path = join(folder, 'lock');
    await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(existsSync(path)).toBe(false);
  });

  it('is taken over from a process that died, without waiting', async () => {
    const path = join(folder, 'lock');
    await crashWith(path);
    expect(existsSync(path)).toBe(true);
    expect(await withLock(path, async () => 'done')).toBe('done');
  });

  it('lets only one of many processes in at a time', async () => {
    const counter = join(folder, 'counter');
    writeFileSync(counter, '0');
    await Promise.all(Array.from({ length: 4 }, () => countWith(join(folder, 'lock'), counter, 10)));
    expect(readFileSync(counter, 'utf8')).toBe('40');
  });
});

/** A process that dies inside the lock. */
function crashWith(lock: string): Promise<number | null> {
  return runModule(`await withLock(${JSON.stringify(lock)}, () => process.kill(process.pid, 'SIGKILL'));`);
}

/** A process that adds to a number in a file, with time between reading and writing for another to interfere. */
async function countWith(lock: string, counter: string, times: number): Promise<void> {
  const file = JSON.stringify(counter);
  const status = await runModule(`
    for (let i = 0; i < ${times}; i++) {
      await withLock(${JSON.stringify(lock)}, async () => {
        const count = Number(readFileSync(${file}, 'utf8'));
        await new Promise((resolve) => setTimeout(resolve, 2));
        writeFileSync(${file}, String(count + 1));
      });
    }`);
  expect(status).toBe(0);
}

function runModule(body: string): Promise<number | null> {
  const source = `
    import { readFileSync, writeFileSync } from 'node:fs';
    import { withLock } from ${JSON.stringify(new URL('./lock.mjs', import.meta.url).href)};
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise((resolve) => child.on('close', resolve));
}
