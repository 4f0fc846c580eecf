import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, LogReader, replayLog, SAMPLE_RATE_HZ } from '../../inference/index.ts';
import { type Followed, follow, launchChromium } from '../browser/index.ts';
import { type RecordedCall, recordCall } from './rounds.ts';
import { Served } from './served.ts';

const SLOT_COUNT = 2;
/** Under this a stretch was not found, but something like it: its time says nothing. */
const CORRELATION_MIN = 0.7;

export interface MoshiCall extends Omit<RecordedCall, 'recording'> {
  /**
   * From when the caller's first sample of a frame was spoken to when the first sample of that frame's reply was
   * heard, once per 200 ms: the frame's own 80 ms are in it.
   */
  readonly delaysMs: readonly number[];
  /** How alike what the browser received is to what the engine gave. */
  readonly correlation: number;
}

/**
 * Calls the model, and looks for what its engine was given in the microphone's track and for what it gave in the
 * received track. Both are in one clock, so the times between them need no other.
 *
 * @param microphoneWav speech: what the engine heard has to be found in it.
 */
export async function callMoshi(microphoneWav: string, script: string, recordMs: number): Promise<MoshiCall> {
  const recordDir = mkdtempSync(join(tmpdir(), 'parley-bench-moshi-'));
  try {
    const server = await Served.start({ engine: 'moshi', slotCount: SLOT_COUNT, recordDir });
    const browser = await launchChromium({ microphoneWav });
    let call: RecordedCall;
    try {
      call = await recordCall(browser, { kind: 'server', url: server.url, script }, recordMs);
    } finally {
      await browser.close();
      // The log is whole once the worker that writes it has ended.
      await server.close();
    }
    const { given, heard } = await engineFrames(join(recordDir, readdirSync(recordDir)[0]!));
    const { recording, ...rest } = call;
    const { sampleRateHz, microphone, received } = recording;
    const spoken = await follow({ sampleRateHz: SAMPLE_RATE_HZ, pcm: heard }, { sampleRateHz, pcm: microphone });
    const played = await follow({ sampleRateHz: SAMPLE_RATE_HZ, pcm: given }, { sampleRateHz, pcm: received });
    return { ...rest, delaysMs: answerDelays(spoken, played), correlation: played.correlation };
  } finally {
    rmSync(recordDir, { recursive: true, force: true });
  }
}

/** Both in steps of the call: what the engine heard and gave in one step lies at one place. */
async function engineFrames(logPath: string): Promise<{ heard: Float32Array; given: Float32Array }> {
  const heard: Float32Array[] = [];
  const given: Float32Array[] = [];
  await using log = await LogReader.open(logPath);
  for await (const record of log.records()) {
    if (record.type === 'step') for (const { input } of record.rows) heard.push(input.pcm);
  }
  const engine = await createEngine({ engine: 'moshi', slotCount: SLOT_COUNT });
  try {
    await replayLog(logPath, engine, { onOutput: (_, { pcm }) => given.push(pcm) });
  } finally {
    await engine.close();
  }
  return { heard: joined(heard), given: joined(given) };
}

function answerDelays(spoken: Followed, played: Followed): number[] {
  const spokenDelays = new Map(spoken.stretches.filter(isSure).map(({ atMs, delayMs }) => [atMs, delayMs]));
  return played.stretches.filter(isSure).flatMap(({ atMs, delayMs }) => {
    const spokenDelayMs = spokenDelays.get(atMs);
    return spokenDelayMs === undefined ? [] : [delayMs - spokenDelayMs];
  });
}

function isSure({ correlation }: { correlation: number }): boolean {
  return correlation >= CORRELATION_MIN;
}

function joined(frames: readonly Float32Array[]): Float32Array {
  const length = frames.reduce((sum, frame) => sum + frame.length, 0);
  const pcm = new Float32Array(length);
  let at = 0;
  for (const frame of frames) {
    pcm.set(frame, at);
    at += frame.length;
  }
  return pcm;
}
