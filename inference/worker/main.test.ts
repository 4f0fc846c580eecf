import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../testing/checkpoint-copy.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** Starts a worker by hand. @returns what it says of loading. */
async function loadingLines(checkpoint: CheckpointCopy): Promise<string[]> {
  const options = { socket: checkpoint.path('w.sock'), model: checkpoint.directory, cache: checkpoint.path('cache') };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, [MAIN, '--engine=moshi', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.startsWith('Loaded')) child.kill();
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return lines;
}

describe('a worker with a checkpoint of the operator', () => {
  it('says what it loads, what it writes the first time, and how long it took', async () => {
    using checkpoint = new CheckpointCopy();
    const loading = expect.stringMatching(new RegExp(`^Loading ${checkpoint.directory}: 0\\.\\d+ GB$`));
    const writing = expect.stringMatching(/^Writing its graph, once: 0\.\d+ GB in .*cache$/);
    const loaded = expect.stringMatching(/^Loaded in \d+\.\d s$/);
    expect(await loadingLines(checkpoint)).toEqual([loading, writing, loaded]);
    expect(await loadingLines(checkpoint)).toEqual([loading, loaded]);
  });
});
