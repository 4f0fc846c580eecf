import { Tensor } from 'onnxruntime-node';
import { FRAME_SAMPLES } from '../engine/engine.ts';
import { graphNames } from '../graph/graphs.ts';
import type { Recordings } from './cases.ts';
import type { Comparison } from './comparison.ts';
import type { Workbench } from './workbench.ts';

/** Encoder and decoder by themselves: latents, codes, and the sound of each frame's own codes. */
export async function runMimiCase(bench: Workbench, recorded: Recordings, comparison: Comparison): Promise<void> {
  const [pcm, latents, codes, decoded] = [
    recorded.floats('pcm'),
    recorded.floats('latents'),
    recorded.integers('codes'),
    recorded.floats('decoded'),
  ];
  const { resets, runs } = recorded.schedule();
  const [rowCount, codebookCount, stepCount] = codes.shape as [number, number, number];
  const latentDim = latents.shape[1]!;
  const encoder = await bench.runner('encoder', rowCount);
  const decoder = await bench.runner('decoder', rowCount);
  for (let step = 0; step < stepCount; step++) {
    const frame = new Float32Array(rowCount * FRAME_SAMPLES);
    for (let row = 0; row < rowCount; row++) {
      if (resets(step, row)) for (const runner of [encoder, decoder]) runner.state.reset(row);
      for (let i = 0; i < FRAME_SAMPLES; i++) frame[row * FRAME_SAMPLES + i] = pcm.at(row, 0, step * FRAME_SAMPLES + i);
    }
    const feeds = { [graphNames.pcm]: new Tensor('float32', frame, [rowCount, FRAME_SAMPLES]) };
    const advances = (_: unknown, row: number) => runs(step, row);
    const encoded = (await encoder.run(rowCount, feeds, advances)).outputs;
    const found = encoded[graphNames.userCodes]!;
    const sound = (await decoder.run(rowCount, { [graphNames.decoderCodes]: found }, advances)).outputs;
    for (let row = 0; row < rowCount; row++) {
      if (!runs(step, row)) continue;
      const where = `step ${step}, row ${row}`;
      for (let i = 0; i < latentDim; i++) {
        comparison.near(
          Number(encoded[graphNames.latent]!.data[row * latentDim + i]),
          latents.at(row, i, step),
          `latent, ${where}`,
        );
      }
      for (let q = 0; q < codebookCount; q++) {
        comparison.same(Number(found.data[row * codebookCount + q]), codes.at(row, q, step), `code ${q}, ${where}`);
      }
      for (let i = 0; i < FRAME_SAMPLES; i++) {
        const expected = decoded.at(row, 0, step * FRAME_SAMPLES + i);
        comparison.nearPcm(
          Number(sound[graphNames.decoded]!.data[row * FRAME_SAMPLES + i]),
          expected,
          `sample ${i}, ${where}`,
        );
      }
    }
  }
}
