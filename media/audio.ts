/** PCM rate inside media, in hertz: what the models hear and speak. */
export const SAMPLE_RATE_HZ = 24_000;
/** Samples per millisecond. */
export const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1000;
/** One frame is one tick: 80 ms. */
export const FRAME_MS = 80;
export const FRAME_SAMPLES = FRAME_MS * SAMPLES_PER_MS;
/** What one packet to the caller carries. */
export const PACKET_MS = 20;
export const PACKET_SAMPLES = PACKET_MS * SAMPLES_PER_MS;
export const PACKETS_PER_FRAME = FRAME_MS / PACKET_MS;

/** Level reported for digital silence. */
export const SILENCE_DBFS = -100;

/**
 * Root-mean-square level of a block.
 *
 * @param pcm mono, nominal [-1, 1].
 * @returns dB relative to a full-scale square wave (a full-scale sine reads -3.01), not below SILENCE_DBFS.
 */
export function levelDbfs(pcm: Float32Array): number {
  if (pcm.length === 0) return SILENCE_DBFS;
  let sum = 0;
  for (const sample of pcm) sum += sample * sample;
  const meanSquare = sum / pcm.length;
  return meanSquare > 1e-10 ? 10 * Math.log10(meanSquare) : SILENCE_DBFS;
}
