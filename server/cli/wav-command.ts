import { createEngine, type Engine, FRAME_SAMPLES, SAMPLE_RATE_HZ } from '../../inference/index.ts';
import { ServerError } from '../errors.ts';
import { type EngineFlags, engineChoice } from './engine-flags.ts';
import { withProgress } from './progress.ts';
import { readWav, writeWav } from './wav-file.ts';

export interface WavFlags extends EngineFlags {
  readonly in: string;
  readonly out: string;
  readonly seed: bigint;
}

/** Runs a recording through an engine as if it were a call, as fast as it goes. */
export async function wavCommand(flags: WavFlags): Promise<void> {
  const heard = await readWav(flags.in);
  const engine = await createEngine(engineChoice(flags, 1));
  try {
    const said = await answer(engine, heard, flags.seed);
    await writeWav(flags.out, said.pcm);
    if (engine.info.textVocabularySize > 0) console.log(said.text.trim());
    if (engine.info.hasTranscript) console.log(`heard: ${said.transcript.trim()}`);
    const audioSeconds = heard.length / SAMPLE_RATE_HZ;
    const factor = said.stepSeconds / audioSeconds;
    console.log(
      `real-time factor ${factor.toFixed(3)}: ${audioSeconds.toFixed(2)} s of audio in ${said.stepSeconds.toFixed(2)} s`,
    );
  } finally {
    await engine.close();
  }
}

/** @returns what one call hears, reads and is heard to say, the sound as long as `heard`. */
async function answer(engine: Engine, heard: Float32Array, seed: bigint) {
  const frameCount = Math.ceil(heard.length / FRAME_SAMPLES);
  const padded = new Float32Array(frameCount * FRAME_SAMPLES);
  padded.set(heard);
  const pcm = new Float32Array(padded.length);
  let [text, transcript, stepSeconds] = ['', '', 0];
  engine.openSlot(0, { seed });
  await withProgress(frameCount, async (progress) => {
    for (let frame = 0; frame < frameCount; frame++) {
      const start = frame * FRAME_SAMPLES;
      const [output] = await engine.step([{ slot: 0, pcm: padded.subarray(start, start + FRAME_SAMPLES) }]);
      if (output!.fault) throw new ServerError('CALL_NOT_FINITE', `after ${start / SAMPLE_RATE_HZ} s`);
      pcm.set(output!.pcm, start);
      text += output!.text;
      transcript += output!.transcript ?? '';
      stepSeconds += engine.lastReport.stepMs / 1000;
      progress(frame + 1);
    }
  });
  engine.closeSlot(0);
  return { pcm: pcm.subarray(0, heard.length), text, transcript, stepSeconds };
}
