import libsamplerate from '@alexanderolsen/libsamplerate-js';

/** The library's own cutting of long audio loses most of it (2.1.2), so it is fed a second at a time. */
const BLOCK_SECONDS = 1;
/** The filter needs what follows: this much silence pushes the last samples out. */
const TAIL_SECONDS = 0.1;

/**
 * Changes the rate of a whole recording. Nothing is shifted in time: sample 0 stays sample 0.
 * @param pcm mono. @returns as long, to the nearest sample.
 */
export async function resample(pcm: Float32Array, fromHz: number, toHz: number): Promise<Float32Array> {
  if (fromHz === toHz) return pcm;
  const converter = await libsamplerate.create(1, fromHz, toHz, {
    converterType: libsamplerate.ConverterType.SRC_SINC_BEST_QUALITY,
  });
  const resampled = new Float32Array(Math.round((pcm.length * toHz) / fromHz));
  let length = 0;
  const take = (block: Float32Array) => {
    const part = converter.full(block).subarray(0, resampled.length - length);
    resampled.set(part, length);
    length += part.length;
  };
  const blockSamples = fromHz * BLOCK_SECONDS;
  for (let start = 0; start < pcm.length; start += blockSamples) take(pcm.subarray(start, start + blockSamples));
  take(new Float32Array(Math.ceil(fromHz * TAIL_SECONDS)));
  converter.destroy();
  return resampled;
}
