import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createEngine, LogReader, replayLog } from '../../inference/index.ts';
import { type EngineFlags, engineChoice } from './engine-flags.ts';
import { withProgress } from './progress.ts';
import { writeWav } from './wav-file.ts';

export interface ReplayFlags extends Omit<EngineFlags, 'engine'> {
  /** A directory that gets each call's sound; absent: none is written. */
  readonly wav?: string;
}

/** Replays a worker's log, and says whether every bit came again. @returns false if one did not. */
export async function replayCommand(path: string, flags: ReplayFlags): Promise<boolean> {
  const { info } = await readHeader(path);
  const engine = await createEngine(engineChoice({ ...flags, engine: info.name }, info.slotCount));
  const calls: Call[] = [];
  const callBySlot = new Map<number, Call>();
  try {
    const result = await withProgress(1, (report) =>
      replayLog(path, engine, {
        onProgress: (bytesRead, fileBytes) => report(bytesRead / fileBytes),
        onSlotOpened: (slot) => callBySlot.delete(slot),
        onOutput(tickIndex, { slot, pcm }) {
          if (flags.wav === undefined) return;
          let call = callBySlot.get(slot);
          if (!call) {
            call = { slot, firstTick: tickIndex, frames: [] };
            callBySlot.set(slot, call);
            calls.push(call);
          }
          call.frames.push(pcm);
        },
      }),
    );
    console.log(`${result.outputCount} outputs of ${result.stepCount} steps compared; the log's end: ${result.end}`);
    for (const { tickIndex, slot, of } of result.differences) console.log(`tick ${tickIndex}, slot ${slot}: ${of}`);
    console.log(result.differenceCount === 0 ? 'bit-equal' : `${result.differenceCount} differences`);
    if (flags.wav !== undefined) await writeCalls(flags.wav, calls);
    return result.differenceCount === 0;
  } finally {
    await engine.close();
  }
}

interface Call {
  readonly slot: number;
  readonly firstTick: number;
  readonly frames: Float32Array[];
}

async function readHeader(path: string) {
  await using log = await LogReader.open(path);
  return log.header;
}

async function writeCalls(directory: string, calls: readonly Call[]): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const { slot, firstTick, frames } of calls) {
    const path = join(directory, `tick-${firstTick}-slot-${slot}.wav`);
    const pcm = new Float32Array(frames.length * frames[0]!.length);
    for (const [i, frame] of frames.entries()) pcm.set(frame, i * frame.length);
    await writeWav(path, pcm);
    console.log(path);
  }
}
