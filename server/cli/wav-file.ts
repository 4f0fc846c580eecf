import { readFile, writeFile } from 'node:fs/promises';
import { decodeWaveToFloat32Channels, encodeWaveFromFloat32Channels, type RawAudio } from '@echogarden/wave-codec';
import { SAMPLE_RATE_HZ } from '../../inference/index.ts';
import { ServerError } from '../errors.ts';
import { resample } from './resample.ts';

/**
 * Reads a WAV file of any rate, channels and sample format as one call hears it.
 * @returns mono at 24 kHz, the mean of the channels.
 * @throws ServerError `WAV_UNREADABLE`, `WAV_INVALID`
 */
export async function readWav(path: string): Promise<Float32Array> {
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new ServerError('WAV_UNREADABLE', cause.message, { cause });
  });
  const { audioChannels, sampleRate } = decode(path, bytes);
  const mono = mix(audioChannels);
  if (mono.length === 0) throw new ServerError('WAV_INVALID', `${path} has no samples`);
  const bad = mono.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new ServerError('WAV_INVALID', `${path}: sample ${bad} is not a number`);
  return resample(mono, sampleRate, SAMPLE_RATE_HZ);
}

/** Writes mono at 24 kHz as 16-bit PCM, which every player knows. @throws ServerError `WAV_UNWRITABLE` */
export async function writeWav(path: string, pcm: Float32Array): Promise<void> {
  const bytes = encodeWaveFromFloat32Channels([pcm], SAMPLE_RATE_HZ, 16);
  await writeFile(path, bytes).catch((cause: Error) => {
    throw new ServerError('WAV_UNWRITABLE', cause.message, { cause });
  });
}

function decode(path: string, bytes: Uint8Array): RawAudio {
  let audio: RawAudio;
  try {
    audio = decodeWaveToFloat32Channels(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ServerError('WAV_INVALID', `${path}: ${why}`, { cause });
  }
  if (audio.audioChannels.length === 0 || !(audio.sampleRate >= RATE_HZ_MIN && audio.sampleRate <= RATE_HZ_MAX)) {
    throw new ServerError('WAV_INVALID', `${path}: ${audio.audioChannels.length} channels at ${audio.sampleRate} Hz`);
  }
  return audio;
}

/** What the resampler takes, and below which there is no speech. */
const RATE_HZ_MIN = 1000;
const RATE_HZ_MAX = 192_000;

function mix(channels: readonly Float32Array[]): Float32Array {
  const [first, ...others] = channels;
  if (others.length === 0) return first!;
  return first!.map((value, i) => others.reduce((sum, other) => sum + other[i]!, value) / channels.length);
}
