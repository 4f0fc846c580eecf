import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FRAME_SAMPLES, type SlotInput, type SlotOutput } from '../engine/engine.ts';
import { LoopbackEngine } from '../loopback/loopback-engine.ts';
import { TranscribingEngine } from '../testing/given-worker.ts';
import { type CallScript, scriptedInput, slotOptions } from '../testing/scripted-call.ts';
import { transcribedCopy } from '../testing/transcribed-copy.ts';
import { createEngine } from '../worker/create-engine.ts';
import { connectWorker } from '../worker/link.ts';
import { runPacedCall } from '../worker/paced-call.ts';
import { spawnInferenceWorker } from '../worker/supervisor.ts';
import type { TickResult } from '../worker/tick-loop.ts';
import { LogReader } from './read-log.ts';
import { Recorder, type RecorderOptions } from './recorder.ts';
import { replayLog } from './replay.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-log-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

const pcmOf = (value: number) => new Float32Array(FRAME_SAMPLES).fill(value);
const loopback = () => new LoopbackEngine({ slotCount: 2 });
const SMALL_BUFFER = { bufferBytesMax: 20_000 };

/** Records a call of `stepCount` steps through a loopback engine, without a worker. @returns the log's path. */
async function givenLog(stepCount: number, options: RecorderOptions = {}, engine = loopback()): Promise<string> {
  await using recorder = await Recorder.start(dir, engine.info, options);
  engine.openSlot(1, { seed: 7n });
  recorder.slotOpened(1, { seed: 7n });
  for (let tickIndex = 0; tickIndex < stepCount; tickIndex++) {
    const inputs = [{ slot: 1, pcm: pcmOf(tickIndex / 64) }];
    recorder.ticked(tickResult(tickIndex, inputs, await engine.step(inputs)));
    // The disk is given time, except where the test is about not having it.
    if (options.bufferBytesMax === undefined) await new Promise(setImmediate);
  }
  recorder.slotClosed(1);
  return recorder.path;
}

function tickResult(tickIndex: number, inputs: SlotInput[], outputs: readonly SlotOutput[]): TickResult {
  return {
    tickIndex,
    inputs: inputs.map((input) => ({ ...input, receivedMs: 0 })),
    outputs,
    beganMs: 0,
    endedMs: 0,
    stepMs: 0,
    batchSize: 2,
    beganLateMs: 0,
    lateTickCount: 0,
    skippedTickCount: 0,
  };
}

async function onlyLog(): Promise<string> {
  const [name, ...more] = await readdir(dir);
  expect(more).toEqual([]);
  return join(dir, name!);
}

describe('a log', () => {
  it('is readable by its owner alone, in a directory that is too', async () => {
    const directory = join(dir, 'logs', 'of-today');
    await using recorder = await Recorder.start(directory, loopback().info);
    const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
    expect(await modeOf(recorder.path)).toBe(0o600);
    expect(await modeOf(directory)).toBe(0o700);
  });
});

describe("a worker's log", () => {
  it('replays live calls of the model to the same bits, forced and idle steps included', {
    timeout: 60_000,
  }, async () => {
    using checkpoint = transcribedCopy();
    const choice = {
      engine: 'moshi' as const,
      modelDir: checkpoint.directory,
      cacheDir: checkpoint.path('graphs'),
      slotCount: 4,
    };
    const heard: string[] = [];
    {
      await using worker = await spawnInferenceWorker({ ...choice, recordDir: dir });
      await using link = await connectWorker(worker.socketPath);
      const call = async (script: CallScript, frameCount: number) => {
        const slot = await link.openSlot(slotOptions(script));
        const frames = Array.from({ length: frameCount }, (_, step) =>
          // One frame of each call never comes.
          step === 5 ? undefined : scriptedInput(script, step, slot.slot, link),
        );
        const replies = await runPacedCall(link, slot, frames);
        expect(replies).toHaveLength(frameCount);
        for (const reply of replies) heard.push(`${reply.tickIndex}/${slot.slot} ${wordsOf(reply)} ${bits(reply.pcm)}`);
        await slot.close();
      };
      // The second call ends in the middle of the first, a third takes its slot over.
      const shorter = async () => {
        await call({ number: 2, isForced: false }, 8);
        await call({ number: 3, isForced: true }, 8);
      };
      await Promise.all([call({ number: 1, isForced: true }, 20), shorter()]);
    }
    const engine = await createEngine(choice);
    const replayed: string[] = [];
    const result = await replayLog(await onlyLog(), engine, {
      onOutput: (tick, output) => replayed.push(`${tick}/${output.slot} ${wordsOf(output)} ${bits(output.pcm)}`),
    });
    await engine.close();
    expect(result).toMatchObject({ differenceCount: 0, end: 'worker-ended' });
    // A slot may have run for a tick more before it was closed: nobody got that reply.
    expect(heard.filter((line) => !replayed.includes(line))).toEqual([]);
    expect(new Set(heard).size).toBe(36);
    expect(heard.filter((line) => line.includes('undefined'))).toEqual([]);
  });

  it('outlives the kill of its process, at worst without its last record', async () => {
    await using worker = await spawnInferenceWorker({ engine: 'loopback', slotCount: 2, recordDir: dir });
    const link = await connectWorker(worker.socketPath);
    const slot = await link.openSlot({ seed: 1n });
    await runPacedCall(link, slot, Array(6).fill({ pcm: pcmOf(0.5) }));
    process.kill(worker.pid, 'SIGKILL');
    const result = await replayLog(await onlyLog(), loopback());
    expect(result).toMatchObject({ differenceCount: 0 });
    expect(['missing', 'torn']).toContain(result.end);
    expect(result.stepCount).toBeGreaterThanOrEqual(5);
  });

  it('replays up to where it was torn, wherever that is', async () => {
    const path = await givenLog(4);
    const whole = await readFile(path);
    const torn = join(dir, 'torn');
    let stepCountMax = 0;
    for (let length = whole.length - 1; length > 250; length -= 997) {
      await writeFile(torn, whole);
      await truncate(torn, length);
      const result = await replayLog(torn, loopback());
      expect(result).toMatchObject({ differenceCount: 0, end: 'torn' });
      stepCountMax = Math.max(stepCountMax, result.stepCount);
    }
    expect(stepCountMax).toBe(4);
  });

  it('shows a difference by tick, slot and kind', async () => {
    const path = await givenLog(4);
    const bytes = await readFile(path);
    // One bit of one sample of one frame, with a right checksum: only the output's fingerprint can tell.
    const at = bytes.indexOf(Buffer.from(pcmOf(2 / 64).buffer));
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    mendChecksumAround(bytes, at);
    await writeFile(path, bytes);
    expect(await replayLog(path, loopback())).toEqual({
      stepCount: 4,
      outputCount: 4,
      differenceCount: 1,
      differences: [{ tickIndex: 2, slot: 1, of: 'pcm' }],
      end: 'worker-ended',
    });
  });

  it('holds what the caller was heard to say, and shows where that differs', async () => {
    const path = await givenLog(3, {}, new TranscribingEngine(2, ' heard'));
    expect(await replayLog(path, new TranscribingEngine(2, ' heard'))).toMatchObject({ differenceCount: 0 });
    const differences = [0, 1, 2].map((tickIndex) => ({ tickIndex, slot: 1, of: 'transcript' }));
    expect(await replayLog(path, new TranscribingEngine(2, ' misheard'))).toMatchObject({ differences });
  });

  it('of version 1, which had no transcripts, replays as ever; one of a later version is refused', async () => {
    const path = await givenLog(3);
    await writeVersion(path, 1);
    expect(await replayLog(path, loopback())).toMatchObject({ stepCount: 3, differenceCount: 0 });
    await writeVersion(path, 3);
    await expect(replayLog(path, loopback())).rejects.toThrow(/LOG_INVALID.*version 3; this is 2/);
  });

  it('refuses damage before its end', async () => {
    const path = await givenLog(4);
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(4000) ^ 1, 4000);
    await writeFile(path, bytes);
    await expect(replayLog(path, loopback())).rejects.toMatchObject({ code: 'LOG_INVALID' });
  });

  it.each([
    ['a missing file', async () => join(dir, 'none')],
    ['an empty file', async () => fileOf('')],
    ['a file of something else', async () => fileOf('RIFF0000WAVEfmt and so on, long enough for a header')],
  ])('refuses %s', async (_, path) => {
    await expect(LogReader.open(await path())).rejects.toMatchObject({ code: 'LOG_INVALID' });
  });

  it('refuses to be replayed by another engine, and says what differs', async () => {
    const path = await givenLog(1);
    await expect(replayLog(path, new LoopbackEngine({ slotCount: 3 }))).rejects.toThrow(
      'LOG_MISMATCH: slotCount was 2, and is 3',
    );
  });

  it.each([
    ['disk-slow', SMALL_BUFFER],
    ['file-full', { fileBytesMax: 20_000 }],
  ])('ends for good, still replayable, when there is no room: %s', async (end, options) => {
    const complaint = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const path = await givenLog(30, options);
    const result = await replayLog(path, loopback());
    expect(result).toMatchObject({ differenceCount: 0, end });
    expect(result.stepCount).toBeLessThan(30);
    expect(complaint).toHaveBeenCalledOnce();
  });
});

const wordsOf = ({ text, transcript }: { readonly text: string; readonly transcript?: string }) =>
  `${text}|${transcript}`;
const bits = (pcm: Float32Array) => Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength).toString('base64');

async function fileOf(text: string): Promise<string> {
  const path = join(dir, 'file');
  await writeFile(path, text);
  return path;
}

/** Its record's header and type, and its magic word, stand before the version. */
async function writeVersion(path: string, version: number): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.indexOf('PRLYLOG') + 'PRLYLOG'.length;
  bytes.writeUInt16LE(version, at);
  mendChecksumAround(bytes, at);
  await writeFile(path, bytes);
}

function mendChecksumAround(bytes: Buffer, at: number): void {
  for (let offset = 0; offset < bytes.length; ) {
    const end = offset + 8 + bytes.readUInt32LE(offset);
    if (at < end) {
      bytes.writeUInt32LE(crc32(bytes.subarray(offset + 8, end)), offset + 4);
      return;
    }
    offset = end;
  }
}
