import { readFile } from 'node:fs/promises';
import { OggOpusDecoder } from 'ogg-opus-decoder';
import { SAMPLE_RATE_HZ } from '../../inference/index.ts';
import { resample } from '../../server/cli/resample.ts';
import { readWav } from '../../server/cli/wav-file.ts';
import { EvaluationError } from './errors.ts';

const OGG_MAGIC = 'OggS';

/**
 * Reads a recording, WAV or Ogg Opus by what it begins with, of any rate and number of channels.
 * @returns mono at 24 kHz, the mean of the channels.
 * @throws EvaluationError `PROMPT_UNREADABLE`
 */
export async function readSound(path: string): Promise<Float32Array> {
  try {
    const bytes = await readFile(path);
    return bytes.toString('latin1', 0, OGG_MAGIC.length) === OGG_MAGIC ? await readOpus(bytes) : await readWav(path);
  } catch (cause) {
    throw new EvaluationError('PROMPT_UNREADABLE', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function readOpus(bytes: Uint8Array): Promise<Float32Array> {
  const decoder = new OggOpusDecoder();
  await decoder.ready;
  try {
    const { channelData, sampleRate, samplesDecoded, errors } = await decoder.decodeFile(bytes);
    if (errors.length > 0) throw new Error(errors[0]!.message);
    if (samplesDecoded === 0) throw new Error('no Opus packet in this Ogg file');
    const [first, ...others] = channelData;
    const mono = first!.map((value, i) => others.reduce((sum, other) => sum + other[i]!, value) / channelData.length);
    return await resample(mono, sampleRate, SAMPLE_RATE_HZ);
  } finally {
    decoder.free();
  }
}
