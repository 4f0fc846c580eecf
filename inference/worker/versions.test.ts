import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { givenServer, speech, TranscribingEngine } from '../testing/given-worker.ts';
import { Bench } from './conformance/bench.ts';
import { runConformance } from './conformance/conformance.ts';
import { connectWorker } from './link.ts';
import { runPacedCall } from './paced-call.ts';
import { commonVersion } from './versions.ts';

let dir: string;
let socketPath: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-test-'));
  socketPath = join(dir, 'w.sock');
});
afterEach(() => rm(dir, { recursive: true }));

describe('the version of a connection', () => {
  it.each([
    { versionMin: 1, versionMax: 1, version: 1 },
    { versionMin: 1, versionMax: 2, version: 2 },
    { versionMin: 2, versionMax: 9, version: 2 },
  ])('is $version for a client of $versionMin to $versionMax', ({ versionMin, versionMax, version }) => {
    expect(commonVersion(versionMin, versionMax)).toBe(version);
  });

  it.each([
    [0, 0],
    [3, 9],
    [2, 1],
  ])('is none for a client of %i to %i', (versionMin, versionMax) => {
    expect(() => commonVersion(versionMin, versionMax)).toThrow(
      `VERSION_UNSUPPORTED: ${versionMin} to ${versionMax}; this is 1 to 2`,
    );
  });
});

describe('a worker whose engine has a transcript', () => {
  it('gives each reply its own', async () => {
    await using _ = await givenServer(socketPath, new TranscribingEngine(1, ' heard'));
    await using link = await connectWorker(socketPath);
    expect(link.info.hasTranscript).toBe(true);
    const replies = await runPacedCall(link, await link.openSlot({ seed: 1n }), speech(3, 1));
    expect(replies.map(({ transcript }) => transcript)).toEqual([' heard 1', ' heard 1.015625', ' heard 1.03125']);
  });

  it('says nothing of it to a client of version 1', async () => {
    await using _ = await givenServer(socketPath, new TranscribingEngine(1, ' heard'));
    await using bench = new Bench(socketPath);
    const { client, ready } = await bench.greet(1);
    expect([ready.version, ready.info.hasTranscript]).toEqual([1, false]);
    const replies = await client.speak(
      await client.openSlot(1n),
      speech(2).map(({ pcm }) => pcm),
    );
    expect(replies.map((reply) => 'transcript' in reply)).toEqual([false, false]);
  });

  it('keeps to what its protocol says of transcripts and versions', async () => {
    await using _ = await givenServer(socketPath, new TranscribingEngine(2, ' heard'));
    const names = ['greets', 'keeps-to-the-version', 'transcribes-as-stated'];
    const verdicts = await Array.fromAsync(runConformance(socketPath, names));
    expect(verdicts.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual([]);
    expect(verdicts).toHaveLength(names.length);
  });
});
