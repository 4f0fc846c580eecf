import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Checkpoint } from '../checkpoint/checkpoint.ts';
import { CheckpointCopy } from '../testing/checkpoint-copy.ts';
import { graphBundle } from './bundle.ts';
import type { GraphKind } from './graphs.ts';

let copy: CheckpointCopy;
let cache: string;
beforeEach(() => {
  copy = new CheckpointCopy();
  cache = copy.path('graphs');
});
afterEach(() => copy[Symbol.dispose]());

async function bundle(kind: GraphKind = 'decoder') {
  const checkpoint = new Checkpoint(copy.directory);
  try {
    return graphBundle(kind, checkpoint, await checkpoint.hash(), cache);
  } finally {
    checkpoint.close();
  }
}

function filesOf(graphPath: string): Record<string, string> {
  const folder = join(graphPath, '..');
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'base64')]));
}

const HOUR_MS = 3_600_000;

describe('the graph of a checkpoint', () => {
  it('is built once', async () => {
    const first = await bundle();
    const { ino } = statSync(first.graphPath);
    expect(await bundle()).toEqual(first);
    expect(statSync(first.graphPath).ino).toBe(ino);
    expect(readdirSync(cache)).toHaveLength(1);
  });

  it('is another one for another kind, and whenever a file of the checkpoint changes', async () => {
    const paths = new Set([(await bundle()).graphPath, (await bundle('encoder')).graphPath]);
    const changes = [
      () => copy.editJson('config.json', (json) => Object.assign(json, { context: 31 })),
      () => copy.editJson('mimi_config.json', (json) => Object.assign(json.transformer as object, { context: 18 })),
      () => copy.editTensors('model.safetensors', (tensors) => tensors.get('emb.0.weight')!.bytes.fill(0, 0, 2)),
      () =>
        copy.editTensors('mimi.safetensors', (tensors) => tensors.get('encoder.model.0.conv.conv.bias')!.bytes.fill(0)),
      () => writeFileSync(copy.path('tokenizer.model'), readFileSync(copy.path('tokenizer.model')).subarray(0, -12)),
    ];
    for (const change of changes) {
      change();
      paths.add((await bundle()).graphPath);
    }
    expect(paths.size).toBe(2 + changes.length);
  });

  it('is whole for each of four processes that ask for it at once', { timeout: 60_000 }, async () => {
    const script = `
      import { Checkpoint } from ${JSON.stringify(join(import.meta.dirname, '../checkpoint/checkpoint.ts'))};
      import { graphBundle } from ${JSON.stringify(join(import.meta.dirname, 'bundle.ts'))};
      import { InferenceSession } from 'onnxruntime-node';
      const checkpoint = new Checkpoint(${JSON.stringify(copy.directory)});
      const hash = await checkpoint.hash();
      process.stdout.write('ready');
      await new Promise((resolve) => process.stdin.once('data', resolve));
      const { graphPath } = graphBundle('duplex', checkpoint, hash, ${JSON.stringify(cache)});
      await InferenceSession.create(graphPath, { intraOpNumThreads: 1 });
      process.exit(0);`;
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '--eval', script], {
        cwd: import.meta.dirname,
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    const exits = children.map((child) => once(child, 'exit'));
    await Promise.all(children.map((child) => once(child.stdout!, 'data')));
    for (const child of children) child.stdin!.write('go');
    for (const [code] of await Promise.all(exits)) expect(code).toBe(0);
    expect(readdirSync(cache)).toHaveLength(1);
    const raced = filesOf((await bundle('duplex')).graphPath);
    rmSync(cache, { recursive: true });
    expect(filesOf((await bundle('duplex')).graphPath)).toEqual(raced);
  });

  it('is not mistaken for the draft that a crash left, which is removed once it is old', async () => {
    const clean = await bundle();
    const expected = filesOf(clean.graphPath);
    rmSync(cache, { recursive: true });
    const [torn, recent] = ['torn', 'recent'].map((name) => `${join(clean.graphPath, '..')}.${name}.draft`);
    for (const draft of [torn!, recent!]) {
      mkdirSync(draft, { recursive: true });
      writeFileSync(join(draft, 'weights.bin'), 'cut sho');
    }
    const oldSeconds = (Date.now() - 2 * HOUR_MS) / 1000;
    for (const path of [join(torn!, 'weights.bin'), torn!]) utimesSync(path, oldSeconds, oldSeconds);
    const again = await bundle();
    expect(again).toEqual(clean);
    expect(filesOf(again.graphPath)).toEqual(expected);
    expect(existsSync(torn!)).toBe(false);
    // Somebody may still be writing this one.
    expect(existsSync(recent!)).toBe(true);
  });

  it('is kept while it is used, and removed when another is written a month after its last use', async () => {
    const used = join((await bundle('encoder')).graphPath, '..');
    const unused = join((await bundle('decoder')).graphPath, '..');
    const foreign = join(cache, 'somebody-elses');
    mkdirSync(foreign);
    const longAgoSeconds = (Date.now() - 31 * 24 * HOUR_MS) / 1000;
    for (const path of [used, unused, foreign]) utimesSync(path, longAgoSeconds, longAgoSeconds);
    await bundle('encoder');
    await bundle('temporal');
    expect([used, unused, foreign].map((path) => existsSync(path))).toEqual([true, false, true]);
    expect(readdirSync(cache)).toHaveLength(3);
  });

  it('leaves nothing behind when the checkpoint turns out to be bad', async () => {
    copy.editTensors('mimi.safetensors', (tensors) => {
      tensors.get('decoder.model.14.conv.conv.bias')!.bytes.set(new Uint8Array(Float32Array.of(Number.NaN).buffer));
    });
    await expect(bundle()).rejects.toMatchObject({ code: 'CHECKPOINT_TENSOR_INVALID' });
    expect(readdirSync(cache)).toEqual([]);
  });
});
