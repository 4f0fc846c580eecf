/** What was heard of a tone since the last reading. */
export interface ToneReading {
  readonly heardMs: number;
  /** Longest time without the tone. */
  readonly gapMsMax: number;
  /** All time without the tone. */
  readonly gapMs: number;
  /** Median level of the tone where it is there, in decibels relative to full scale's square wave. */
  readonly levelDbfs: number;
  /** Median of tone over all else, in decibels, where the tone is there. */
  readonly snrDb: number;
}

const WINDOW_MS = 20;
/** A window whose tone is this much below what it should be is a gap. */
const GAP_DB = 10;

/** Listens for one tone in blocks of sound. Pure: it counts samples, not time. */
export class ToneEar {
  readonly #hz: number;
  readonly #levelDbfs: number;
  #pending = new Float32Array(0);
  #levels: number[] = [];
  #snrs: number[] = [];
  #windowCount = 0;
  #gapCount = 0;
  #gapRun = 0;
  #gapRunMax = 0;

  /**
   * @param hz a multiple of 50: whole periods in a window.
   * @param levelDbfs at which the tone should come.
   */
  constructor(hz: number, levelDbfs: number) {
    this.#hz = hz;
    this.#levelDbfs = levelDbfs;
  }

  /** Takes the next sound; every call at the same rate. */
  hear(pcm: Float32Array, sampleRateHz: number): void {
    const length = (sampleRateHz * WINDOW_MS) / 1000;
    const pending = Float32Array.from([...this.#pending, ...pcm]);
    let at = 0;
    for (; at + length <= pending.length; at += length) this.#judge(pending.subarray(at, at + length), sampleRateHz);
    this.#pending = pending.slice(at);
  }

  /** What was heard since the last `read`. */
  read(): ToneReading {
    const reading = {
      heardMs: this.#windowCount * WINDOW_MS,
      gapMsMax: Math.max(this.#gapRunMax, this.#gapRun) * WINDOW_MS,
      gapMs: this.#gapCount * WINDOW_MS,
      levelDbfs: median(this.#levels),
      snrDb: median(this.#snrs),
    };
    this.#levels = [];
    this.#snrs = [];
    this.#windowCount = 0;
    this.#gapCount = 0;
    this.#gapRun = 0;
    this.#gapRunMax = 0;
    return reading;
  }

  #judge(pcm: Float32Array, sampleRateHz: number): void {
    const { tone, rest } = splitPower(pcm, this.#hz, sampleRateHz);
    const levelDbfs = decibels(tone);
    this.#windowCount++;
    if (levelDbfs > this.#levelDbfs - GAP_DB) {
      this.#levels.push(levelDbfs);
      this.#snrs.push(decibels(tone) - decibels(rest));
      this.#gapRun = 0;
      return;
    }
    this.#gapCount++;
    this.#gapRun++;
    this.#gapRunMax = Math.max(this.#gapRunMax, this.#gapRun);
  }
}

/** Power per sample of the sine of `hz`, by projection, and of what is left; exact for whole periods. */
function splitPower(pcm: Float32Array, hz: number, rateHz: number): { tone: number; rest: number } {
  const step = (2 * Math.PI * hz) / rateHz;
  let [cos, sin, all] = [0, 0, 0];
  for (const [i, sample] of pcm.entries()) {
    cos += sample * Math.cos(step * i);
    sin += sample * Math.sin(step * i);
    all += sample * sample;
  }
  const tone = (2 * (cos * cos + sin * sin)) / pcm.length ** 2;
  return { tone, rest: Math.max(0, all / pcm.length - tone) };
}

function decibels(power: number): number {
  return 10 * Math.log10(Math.max(power, 1e-12));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
