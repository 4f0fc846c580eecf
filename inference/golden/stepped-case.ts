import { FRAME_SAMPLES } from '../engine/engine.ts';
import { Conditions } from '../moshi/conditions.ts';
import { openSlotState, type SlotState } from '../moshi/slot.ts';
import type { RowInput } from '../moshi/step-inputs.ts';
import { type RowOutput, Stepper } from '../moshi/stepper.ts';
import type { GoldenCase, Recording, Recordings } from './cases.ts';
import type { Comparison } from './comparison.ts';
import type { Workbench } from './workbench.ts';

const GREEDY = { textTemperature: 0, audioTemperature: 0 };
/** Recorded where nothing left in a step. */
const NOTHING = -2;
/** Recorded where nothing was forced. */
const FREE = -1;

/** The language model alone, choosing the likeliest token: delays, initial tokens, forcing, conditions, rows out of step. */
export async function runGreedyCase(
  bench: Workbench,
  recorded: Recordings,
  comparison: Comparison,
  { attributes }: GoldenCase,
): Promise<void> {
  const userCodes = recorded.integers('user_codes');
  const [rowCount, codebookCount, stepCount] = userCodes.shape as [number, number, number];
  const optional = (name: string) => (recorded.has(name) ? recorded.integers(name) : undefined);
  const [forcedText, forcedAudio] = [optional('forced_text'), optional('forced_audio')];
  const vectors = recorded.has('add_to_input') ? recorded.floats('add_to_input') : undefined;
  const heads = recorded.has('extra_heads') ? recorded.floats('extra_heads') : undefined;
  const input = (step: number, row: number): RowInput => {
    const text = forcedText?.at(row, step) ?? FREE;
    return {
      userCodes: column(userCodes, row, step, codebookCount),
      forcedText: text === FREE ? undefined : text,
      forcedAudio: forcedAudio && column(forcedAudio, row, step, forcedAudio.shape[1]!),
      addToInput: vectors && Float32Array.from({ length: vectors.shape[2]! }, (_, i) => vectors.at(row, step, i)),
    };
  };
  await runSteps({ bench, recorded, kind: 'lm', rowCount, stepCount, attributes, input }, (step, row, output) => {
    compareTokens(comparison, recorded, step, row, output);
    if (!heads) return;
    const classCount = heads.shape[3]!;
    output.extraHeads!.forEach((found, i) => {
      const expected = heads.at(row, step, Math.floor(i / classCount), i % classCount);
      comparison.near(found, expected, `extra head, step ${step}, row ${row}`);
    });
  });
}

/** The fused graph, PCM to PCM. */
export async function runDuplexCase(
  bench: Workbench,
  recorded: Recordings,
  comparison: Comparison,
  { attributes }: GoldenCase,
): Promise<void> {
  const [pcm, codes, decoded] = [recorded.floats('pcm'), recorded.integers('codes'), recorded.floats('decoded')];
  const [rowCount, , stepCount] = codes.shape as [number, number, number];
  const input = (step: number, row: number): RowInput => ({
    pcm: Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => pcm.at(row, 0, step * FRAME_SAMPLES + i)),
  });
  await runSteps({ bench, recorded, kind: 'duplex', rowCount, stepCount, attributes, input }, (step, row, output) => {
    const where = `step ${step}, row ${row}`;
    output.userCodes.forEach((code, q) => {
      comparison.same(code, codes.at(row, q, step), `caller's code ${q}, ${where}`);
    });
    compareTokens(comparison, recorded, step, row, output);
    output.pcm?.forEach((sample, i) => {
      comparison.nearPcm(sample, decoded.at(row, 0, step * FRAME_SAMPLES + i), `sample ${i}, ${where}`);
    });
  });
}

/**
 * A prompt of forced text and codes, then a free conversation, as PersonaPlex begins its calls.
 *
 * NVIDIA's generator reads position o − 1 in the call that brings frame o; ours reads position o, since the live part
 * needs no more. So everything leaves one step sooner here: step s gives what the recording has at s + 1.
 */
export async function runPersonaPlexCase(
  bench: Workbench,
  recorded: Recordings,
  comparison: Comparison,
): Promise<void> {
  const { lm } = bench.checkpoint.config;
  const [userCodes, promptText, promptAgent] = ['user_codes', 'prompt_text', 'prompt_agent'].map((name) =>
    recorded.integers(name),
  ) as [Recording, Recording, Recording];
  const [rowCount, codebookCount, stepCount] = userCodes.shape as [number, number, number];
  const promptLength = promptText.shape[1]!;
  const input = (step: number, row: number): RowInput => {
    // What a step produces is read at the next position, so the prompt's next column is what it is made to say.
    const position = step + 1;
    const forcedAudio = Int32Array.from({ length: lm.agentCodebookCount }, (_, q) => {
      const index = position - lm.delays[1 + q]!;
      if (index <= 0) return lm.audioCard;
      return index < promptLength ? promptAgent.at(row, q, index) : FREE;
    });
    const forcedText = position < promptLength ? promptText.at(row, position) : undefined;
    return { userCodes: column(userCodes, row, step, codebookCount), forcedText, forcedAudio };
  };
  const emitted = recorded.integers('emitted');
  await runSteps(
    { bench, recorded, kind: 'lm', rowCount, stepCount, attributes: undefined, input },
    (step, row, output) => {
      output.emitted?.forEach((token, stream) => {
        if (step + 1 >= stepCount || emitted.at(row, stream, step + 1) === NOTHING) return;
        comparison.same(token, emitted.at(row, stream, step + 1), `stream ${stream}, step ${step}, row ${row}`);
      });
    },
  );
}

interface SteppedRun {
  readonly bench: Workbench;
  readonly recorded: Recordings;
  readonly kind: 'duplex' | 'lm';
  readonly rowCount: number;
  readonly stepCount: number;
  readonly attributes: GoldenCase['attributes'];
  readonly input: (step: number, row: number) => RowInput;
}

async function runSteps(
  run: SteppedRun,
  compare: (step: number, row: number, output: RowOutput) => void,
): Promise<void> {
  const { bench, recorded, kind, rowCount, stepCount } = run;
  const { lm } = bench.checkpoint.config;
  const runner = await bench.runner(kind, rowCount);
  const stepper = new Stepper(runner, kind, lm, rowCount);
  const conditions = new Conditions(lm, bench.checkpoint.lm);
  const slots: SlotState[] = Array.from({ length: rowCount }, (_, row) => {
    const given = Object.entries(run.attributes?.[row] ?? {}).filter(
      (entry): entry is [string, string] => entry[1] !== null,
    );
    return openSlotState(lm, BigInt(row), GREEDY, conditions.vector(Object.fromEntries(given)));
  });
  const { resets, runs } = recorded.schedule();
  for (let step = 0; step < stepCount; step++) {
    const rows = new Map<number, { slot: SlotState; input: RowInput }>();
    for (let row = 0; row < rowCount; row++) {
      if (resets(step, row)) {
        runner.state.reset(row);
        slots[row]!.timeline.reset();
      }
      if (runs(step, row)) rows.set(row, { slot: slots[row]!, input: run.input(step, row) });
    }
    for (const [row, output] of await stepper.step(rowCount, rows)) compare(step, row, output);
  }
}

function compareTokens(
  comparison: Comparison,
  recorded: Recordings,
  step: number,
  row: number,
  output: RowOutput,
): void {
  const [text, emitted] = [recorded.integers('text'), recorded.integers('emitted')];
  const where = `step ${step}, row ${row}`;
  comparison.same(output.text, text.at(row, step), `text, ${where}`);
  for (let stream = 0; stream < emitted.shape[1]!; stream++) {
    comparison.same(output.emitted?.[stream] ?? NOTHING, emitted.at(row, stream, step), `emitted ${stream}, ${where}`);
  }
}

function column(recording: Recording, row: number, step: number, length: number): Int32Array {
  return Int32Array.from({ length }, (_, q) => recording.at(row, q, step));
}
