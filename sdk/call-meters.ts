import type { CallMedia, MediaReading } from './call-media.ts';
import { type LatencyReport, latencyBetween, type ServerHops } from './latency.ts';
import { LevelMeter } from './levels.ts';

export interface CallLevels {
  /** Root mean square in decibels to full scale, −90 and up. */
  readonly callerDbfs: number;
  readonly assistantDbfs: number;
}

type MetersListener = {
  levels(levels: CallLevels): void;
  latency(report: LatencyReport): void;
};

const LEVELS_EVERY_MS = 40;
const LATENCY_EVERY_MS = 1_000;

/** What a call measures of itself while it lasts: how loud both voices are, and where the time goes. */
export class CallMeters {
  readonly #media: CallMedia;
  readonly #listener: MetersListener;
  readonly #context = new AudioContext({ latencyHint: 'interactive' });
  readonly #caller = new LevelMeter(this.#context);
  readonly #assistant = new LevelMeter(this.#context);
  readonly #timers: readonly ReturnType<typeof setInterval>[];
  #serverHops: ServerHops | undefined;
  #lastReading: MediaReading | undefined;

  /** Made in a click, so that the browser lets it listen. */
  constructor(media: CallMedia, listener: MetersListener) {
    this.#media = media;
    this.#listener = listener;
    this.#timers = [
      setInterval(() => this.#tellLevels(), LEVELS_EVERY_MS),
      setInterval(() => void this.#tellLatency(), LATENCY_EVERY_MS),
    ];
  }

  /** Measures this track from now on as the caller's voice. */
  listenToCaller(track: MediaStreamTrack): void {
    this.#caller.listenTo(track);
  }

  /** Measures this track from now on as the assistant's voice. */
  listenToAssistant(track: MediaStreamTrack): void {
    this.#assistant.listenTo(track);
  }

  /** Takes what the server measured of itself into the reports that follow. */
  hearServer(hops: ServerHops): void {
    this.#serverHops = hops;
  }

  async resume(): Promise<void> {
    await this.#context.resume();
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#caller.close();
    this.#assistant.close();
    void this.#context.close();
  }

  #tellLevels(): void {
    this.#listener.levels({ callerDbfs: this.#caller.readDbfs(), assistantDbfs: this.#assistant.readDbfs() });
  }

  async #tellLatency(): Promise<void> {
    const reading = await this.#media.read();
    const before = this.#lastReading;
    this.#lastReading = reading;
    // Counters of media that was opened again begin at 0: what they gained since the ones before says nothing.
    if (!reading || reading.consumerId !== before?.consumerId || !this.#serverHops) return;
    this.#listener.latency(latencyBetween(before.playout, reading.playout, reading.roundTripsMs, this.#serverHops));
  }
}
