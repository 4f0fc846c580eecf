/** Level shown for silence, in decibels to full scale. */
export const SILENCE_DBFS = -90;

// 2048 samples at 48 kHz are 43 ms: readings 40 ms apart miss nothing between them, and two make one model frame.
const WINDOW_SAMPLES = 2048;

/** @returns root mean square of mono f32 PCM in decibels to full scale, at least SILENCE_DBFS. */
export function levelDbfs(pcm: Float32Array): number {
  let sum = 0;
  for (const sample of pcm) sum += sample * sample;
  const rms = Math.sqrt(sum / Math.max(1, pcm.length));
  return Math.max(SILENCE_DBFS, 20 * Math.log10(rms + Number.EPSILON));
}

/** Measures the level of a track as it plays, without changing or delaying what is heard. */
export class LevelMeter {
  readonly #analyser: AnalyserNode;
  readonly #window = new Float32Array(WINDOW_SAMPLES);
  #source: MediaStreamAudioSourceNode | undefined;

  constructor(context: AudioContext) {
    this.#analyser = new AnalyserNode(context, { fftSize: WINDOW_SAMPLES });
  }

  /** Measures this track from now on, in place of the one before. */
  listenTo(track: MediaStreamTrack): void {
    this.#source?.disconnect();
    this.#source = new MediaStreamAudioSourceNode(this.#analyser.context as AudioContext, {
      mediaStream: new MediaStream([track]),
    });
    this.#source.connect(this.#analyser);
  }

  /** Level of the latest 43 ms, in decibels to full scale. */
  readDbfs(): number {
    this.#analyser.getFloatTimeDomainData(this.#window);
    return levelDbfs(this.#window);
  }

  close(): void {
    this.#source?.disconnect();
    this.#analyser.disconnect();
  }
}
