import { Tensor } from 'onnxruntime-node';
import { graphNames } from '../graph/graphs.ts';
import { embeddingRows } from '../graph/temporal.ts';
import type { Recordings } from './cases.ts';
import type { Comparison } from './comparison.ts';
import type { Workbench } from './workbench.ts';

/** Temporal transformer and depformer by themselves, fed the recorded tokens whatever they would have chosen. */
export async function runTeacherCase(bench: Workbench, recorded: Recordings, comparison: Comparison): Promise<void> {
  const { lm } = bench.checkpoint.config;
  const [inputs, hidden, textLogits] = [
    recorded.integers('inputs'),
    recorded.floats('hidden'),
    recorded.floats('text_logits'),
  ];
  const [rowCount, streamCount, stepCount] = inputs.shape as [number, number, number];
  const temporal = await bench.runner('temporal', rowCount);
  const depformer = lm.depformer && (await bench.runner('depformer', rowCount));
  const { codebookStart, zeroRow } = embeddingRows(lm);
  const added = new Tensor('float32', new Float32Array(rowCount * lm.dim), [rowCount, lm.dim]);
  for (let step = 0; step < stepCount; step++) {
    const rows = Int32Array.from({ length: rowCount * streamCount }, (_, at) => {
      const [row, stream] = [Math.floor(at / streamCount), at % streamCount];
      const token = inputs.at(row, stream, step);
      if (token === -1) return zeroRow;
      return stream === 0 ? token : codebookStart(stream - 1) + token;
    });
    const feeds = {
      [graphNames.tokenRows]: new Tensor('int32', rows, [rowCount, streamCount]),
      [graphNames.added]: added,
    };
    const { outputs } = await temporal.run(rowCount, feeds, () => true);
    for (let row = 0; row < rowCount; row++) {
      const where = `step ${step}, row ${row}`;
      compareRow(comparison, outputs[graphNames.hidden]!, row, (i) => hidden.at(row, step, i), `hidden, ${where}`);
      compareRow(
        comparison,
        outputs[graphNames.textLogits]!,
        row,
        (i) => textLogits.at(row, step, i),
        `text logits, ${where}`,
      );
    }
    if (!depformer) continue;
    const [targets, audioLogits] = [recorded.integers('targets'), recorded.floats('audio_logits')];
    const width = 1 + lm.agentCodebookCount;
    const tokens = Int32Array.from({ length: rowCount * width }, (_, at) =>
      targets.at(Math.floor(at / width), at % width, step),
    );
    const dep = await depformer.run(
      rowCount,
      {
        [graphNames.hiddenInput]: outputs[graphNames.hidden]!,
        [graphNames.targets]: new Tensor('int32', tokens, [rowCount, width]),
      },
      () => true,
    );
    for (let row = 0; row < rowCount; row++) {
      const expected = (i: number) => audioLogits.at(row, step, Math.floor(i / lm.audioCard), i % lm.audioCard);
      compareRow(
        comparison,
        dep.outputs[graphNames.audioLogits]!,
        row,
        expected,
        `audio logits, step ${step}, row ${row}`,
      );
    }
  }
}

function compareRow(
  comparison: Comparison,
  found: Tensor,
  row: number,
  expected: (index: number) => number,
  what: string,
): void {
  const width = found.size / found.dims[0]!;
  for (let i = 0; i < width; i++) comparison.near(Number(found.data[row * width + i]), expected(i), what);
}
