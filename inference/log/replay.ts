import type { Engine, EngineInfo, SlotOutput } from '../engine/engine.ts';
import { InferenceError } from '../errors.ts';
import { fingerprint, type LogEndReason, type LoggedStep } from './log-record.ts';
import { LogReader } from './read-log.ts';

interface ReplayDifference {
  readonly tickIndex: number;
  readonly slot: number;
  /** What was not the same. */
  readonly of: 'pcm' | 'text' | 'transcript' | 'fault';
}

export interface ReplayResult {
  readonly stepCount: number;
  /** Outputs compared: slots, summed over the steps. */
  readonly outputCount: number;
  readonly differenceCount: number;
  /** The first 16. */
  readonly differences: readonly ReplayDifference[];
  /** `torn`: the process was killed while it recorded; all that came before was replayed. */
  readonly end: LogEndReason | 'torn' | 'missing';
}

export interface ReplayOptions {
  /** A call begins: what the slot gives from here on is its own. */
  readonly onSlotOpened?: (slot: number) => void;
  /** Called with every output, in order. */
  readonly onOutput?: (tickIndex: number, output: SlotOutput) => void;
  readonly onProgress?: (bytesRead: number, fileBytes: number) => void;
}

const DIFFERENCES_KEPT = 16;
/** Bits are promised for these being the same. */
const SAME: readonly (keyof EngineInfo)[] = ['name', 'checkpointHash', 'provider', 'runtimeVersion', 'slotCount'];

/**
 * Gives an engine what a recorded one was given, step by step, and compares what comes out with what came out then.
 *
 * @param engine a fresh one of the recorded kind; the caller closes it.
 * @throws InferenceError `LOG_INVALID`, `LOG_MISMATCH` where the engine is another one than the recorded.
 */
export async function replayLog(path: string, engine: Engine, options: ReplayOptions = {}): Promise<ReplayResult> {
  await using log = await LogReader.open(path);
  demandSame(log.header.info, engine.info);
  const differences: ReplayDifference[] = [];
  let [stepCount, outputCount, differenceCount] = [0, 0, 0];
  let end: ReplayResult['end'] = 'missing';
  for await (const record of log.records()) {
    if (record.type === 'opened') {
      engine.openSlot(record.slot, record.options);
      options.onSlotOpened?.(record.slot);
    } else if (record.type === 'closed') engine.closeSlot(record.slot);
    else if (record.type === 'end') end = record.reason;
    else if (record.type === 'step') {
      const inputs = record.rows.map(({ input }) => input);
      const outputs = await engine.step(inputs, record.batchSize);
      for (const output of outputs) options.onOutput?.(record.tickIndex, output);
      const found = compare(record, outputs);
      differences.push(...found.slice(0, DIFFERENCES_KEPT - differences.length));
      differenceCount += found.length;
      stepCount++;
      outputCount += outputs.length;
    }
    options.onProgress?.(log.bytesRead, log.fileBytes);
  }
  return { stepCount, outputCount, differenceCount, differences, end: log.isTorn ? 'torn' : end };
}

function demandSame(recorded: EngineInfo, engine: EngineInfo): void {
  for (const name of SAME) {
    if (recorded[name] !== engine[name]) {
      throw new InferenceError('LOG_MISMATCH', `${name} was ${recorded[name]}, and is ${engine[name]}`);
    }
  }
}

function compare({ tickIndex, rows }: LoggedStep, outputs: readonly SlotOutput[]): ReplayDifference[] {
  return rows.flatMap((row, i) => {
    const { pcm, textToken, transcript, fault, slot } = outputs[i]!;
    const differs = {
      pcm: fingerprint(pcm) !== row.pcmHash,
      text: textToken !== row.textToken,
      transcript: transcript !== row.transcript,
      fault: (fault !== undefined) !== row.isFault,
    };
    const kinds = ['pcm', 'text', 'transcript', 'fault'] as const;
    return kinds.filter((of) => differs[of]).map((of) => ({ tickIndex, slot, of }));
  });
}
