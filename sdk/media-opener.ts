import type { MediaOffer } from '../signaling/index.ts';
import type { CallMedia } from './call-media.ts';
import { asCallError, CallError } from './errors.ts';

const LIVE_MS_MAX = 12_000;
const REJOIN_MS_MAX = 12_000;
const REJOIN_RETRY_MS = 200;

/** Opens a call's media, and opens it again after each loss; says so where no sound gets through in time. */
export class MediaOpener {
  readonly #media: CallMedia;
  readonly #failed: (error: CallError) => void;
  // Counts what was begun: an older attempt is dropped when it ends late.
  #begun = 0;
  #isClosed = false;
  #liveTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param failed told at most once for each opening; the media stays as it is. */
  constructor(media: CallMedia, failed: (error: CallError) => void) {
    this.#media = media;
    this.#failed = failed;
  }

  /** True from the first opening on: the server knows of the call. */
  get hasBegun(): boolean {
    return this.#begun > 0;
  }

  /**
   * Tries until the transports are open or the time is up. A later loss takes over from an attempt under way, whose
   * outcome then no longer matters.
   *
   * @param getOffer asked again where an offer was lost while it was taken up.
   * @param getTrack the microphone as it is by then.
   */
  async open(getOffer: () => Promise<MediaOffer>, getTrack: () => MediaStreamTrack): Promise<void> {
    this.#begun += 1;
    const index = this.#begun;
    const isCurrent = () => index === this.#begun && !this.#isClosed;
    const startedAtMs = performance.now();
    this.#media.closeTransports();
    this.awaitLive();
    while (isCurrent()) {
      try {
        const offer = await getOffer();
        if (isCurrent()) await this.#media.open(offer, getTrack());
        return;
      } catch (error) {
        if (!isCurrent()) return;
        const isWorthwhile = error instanceof CallError && error.code === 'MEDIA_LOST';
        if (!isWorthwhile || performance.now() - startedAtMs > REJOIN_MS_MAX) {
          this.#failed(asCallError(error, 'MEDIA_UNREACHABLE'));
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, REJOIN_RETRY_MS));
      }
    }
  }

  /** From now on sound has so long to get through. */
  awaitLive(): void {
    clearTimeout(this.#liveTimer);
    this.#liveTimer = setTimeout(() => {
      this.#failed(new CallError('MEDIA_UNREACHABLE', `no sound got through within ${LIVE_MS_MAX / 1000} s`));
    }, LIVE_MS_MAX);
  }

  /** Sound gets through. */
  becameLive(): void {
    clearTimeout(this.#liveTimer);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#liveTimer);
  }
}
