import type { EndReason, EngineSummary, EventOf } from '../signaling/index.ts';
import { CallMedia } from './call-media.ts';
import { type CallLevels, CallMeters } from './call-meters.ts';
import { CallSignaling, PROTOCOL_VERSION } from './call-signaling.ts';
import { Emitter } from './emitter.ts';
import { asCallError, CallError } from './errors.ts';
import type { LatencyReport } from './latency.ts';
import { MediaOpener } from './media-opener.ts';
import { assertCanCall, type MicrophoneOptions, openMicrophone } from './microphone.ts';

export type CallState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'ended';
/** What a connecting call waits for: the person's permission, the server's answer, the first packets. */
export type ConnectingStep = 'microphone' | 'server' | 'media';

export interface CallOptions extends MicrophoneOptions {
  /** Origin of the server, such as `https://parley.example`; absent: the page's own. */
  readonly url?: string | undefined;
}

export interface CallOutcome {
  readonly reason: EndReason | 'cancelled' | 'server-gone' | 'failed';
  /** Absent where somebody simply hung up. */
  readonly error?: CallError;
}

export type CallEvents = {
  state: [state: CallState];
  connecting: [step: ConnectingStep];
  engine: [engine: EngineSummary];
  /** What the model says. */
  text: [piece: EventOf<'text'>];
  /** What the caller was heard to say, where the model has a transcriber. */
  heard: [piece: EventOf<'heard'>];
  /** As they are here, 25 times a second. */
  levels: [levels: CallLevels];
  /** As the server hears and says them, 5 times a second: who is loud here and silent there does not get through. */
  serverLevels: [levels: CallLevels];
  latency: [report: LatencyReport];
  /** The call goes on, but something in it does not work. */
  error: [error: CallError];
  /** Once, last of all. */
  ended: [outcome: CallOutcome];
};

/**
 * One call to a Parley server, from the microphone to the loudspeaker.
 *
 * It owns all that it opens, and closes it when the call ends, for whatever reason. A call is placed once.
 */
export class ParleyCall extends Emitter<CallEvents> {
  readonly #options: CallOptions;
  readonly #signaling: CallSignaling;
  readonly #media: CallMedia;
  readonly #opener: MediaOpener;
  #state: CallState = 'idle';
  #track: MediaStreamTrack | undefined;
  #meters: CallMeters | undefined;
  #isMuted = false;
  #isEnded = false;
  #placed: { resolve: () => void; reject: (error: CallError) => void } | undefined;

  constructor(options: CallOptions = {}) {
    super();
    this.#options = options;
    this.#signaling = new CallSignaling(options.url ?? location.origin);
    this.#media = new CallMedia(this.#signaling, {
      heard: (track) => this.#meters?.listenToAssistant(track),
      failed: () => this.#interrupt(),
      blocked: (error) => this.emit('error', error),
    });
    this.#opener = new MediaOpener(this.#media, (error) => this.#fail(error));
  }

  get state(): CallState {
    return this.#state;
  }

  get isMuted(): boolean {
    return this.#isMuted;
  }

  /**
   * Places the call; call it from a click, so that the browser lets it play sound.
   *
   * @returns once both sides hear each other.
   * @throws CallError why the call did not come about; `ended` has been emitted with the same error.
   */
  async place(): Promise<void> {
    if (this.#state !== 'idle') throw new CallError('CALL_CANCELLED', `this call is ${this.#state} already`);
    const live = new Promise<void>((resolve, reject) => {
      this.#placed = { resolve, reject };
    });
    this.#setState('connecting');
    this.#connect().catch((error) => this.#fail(error));
    await live;
  }

  /** Ends the call at once on this side, and tells the server. Safe at any time, and more than once. */
  hangUp(): void {
    const reason = this.#state === 'connecting' ? 'cancelled' : 'hung-up';
    const isKnown = this.#opener.hasBegun;
    this.#end({ reason }, async () => {
      // The server ends the call of a closed connection too, so a request that fails changes nothing.
      if (isKnown) await this.#signaling.request('hangup', {}).catch(() => undefined);
    });
  }

  /** Silences the microphone; its packets go on, as silence, so that nothing has to start up again. */
  setMuted(isMuted: boolean): void {
    this.#isMuted = isMuted;
    if (this.#track) this.#track.enabled = !isMuted;
  }

  /**
   * Speaks through another microphone from now on, without a gap in the call.
   *
   * @throws CallError `NO_MICROPHONE`, `MICROPHONE_DENIED`, `MICROPHONE_BUSY`; the former microphone goes on then.
   */
  async switchMicrophone(microphoneId: string | undefined): Promise<void> {
    await this.#openMicrophone(microphoneId);
  }

  /** Starts the sound after `PLAYBACK_BLOCKED`; call it from a click. */
  async resumeAudio(): Promise<void> {
    await Promise.all([this.#meters?.resume(), this.#media.play()]);
  }

  async #connect(): Promise<void> {
    assertCanCall();
    this.#openMeters();
    this.#listen();
    this.emit('connecting', 'microphone');
    // The connection opens while the person is asked; the slot is not taken before they have answered.
    const connected = this.#signaling.connect();
    const [track] = await Promise.all([this.#openMicrophone(this.#options.microphoneId), connected]);
    this.emit('connecting', 'server');
    const { engine, ...offer } = await this.#signaling.request('join', { protocolVersion: PROTOCOL_VERSION });
    if (this.#isEnded) return;
    this.emit('engine', engine);
    this.emit('connecting', 'media');
    await this.#opener.open(
      () => Promise.resolve(offer),
      () => this.#track ?? track,
    );
  }

  #listen(): void {
    this.#signaling.onDisconnected(() => {
      this.#end({ reason: 'server-gone', error: new CallError('SERVER_GONE', 'the connection broke') });
    });
    this.#signaling.on('state', ({ state }) => {
      if (state === 'live') this.#becomeLive();
      if (state === 'reconnecting') this.#setState('reconnecting');
    });
    this.#signaling.on('mediaLost', () => this.#rejoin());
    this.#signaling.on('text', (piece) => this.emit('text', piece));
    this.#signaling.on('heard', (piece) => this.emit('heard', piece));
    this.#signaling.on('levels', (levels) => this.emit('serverLevels', levels));
    this.#signaling.on('latency', (hops) => this.#meters?.hearServer(hops));
    this.#signaling.on('fault', ({ error }) => this.emit('error', new CallError(error)));
    this.#signaling.on('ended', ({ reason, error }) => {
      this.#end({ reason, ...(error ? { error: new CallError(error) } : {}) });
    });
  }

  #openMeters(): void {
    const isLive = () => this.#state === 'live';
    this.#meters = new CallMeters(this.#media, {
      levels: (levels) => {
        if (isLive() || this.#state === 'reconnecting') this.emit('levels', levels);
      },
      latency: (report) => {
        if (isLive()) this.emit('latency', report);
      },
    });
  }

  async #openMicrophone(microphoneId: string | undefined): Promise<MediaStreamTrack> {
    const track = await openMicrophone({ ...this.#options, microphoneId });
    try {
      if (this.#isEnded) throw new CallError('CALL_CANCELLED', 'the call ended while the microphone was opened');
      await this.#media.replaceTrack(track);
    } catch (error) {
      track.stop();
      throw error;
    }
    this.#speakThrough(track);
    return track;
  }

  #speakThrough(track: MediaStreamTrack): void {
    this.#track?.stop();
    this.#track = track;
    track.enabled = !this.#isMuted;
    this.#meters?.listenToCaller(track);
    // Pulled out while we speak: go on with whatever microphone is left.
    track.addEventListener('ended', () => {
      if (this.#track !== track || this.#isEnded) return;
      this.switchMicrophone(undefined).catch((error) => this.emit('error', asCallError(error, 'NO_MICROPHONE')));
    });
  }

  #becomeLive(): void {
    this.#opener.becameLive();
    this.#setState('live');
    this.#placed?.resolve();
  }

  /** The server lost its end of the media, and kept the call: new transports, the same model. */
  #rejoin(): void {
    const track = this.#track;
    if (this.#isEnded || !track) return;
    this.#interrupt();
    void this.#opener.open(
      () => this.#signaling.request('rejoin', {}),
      () => this.#track ?? track,
    );
  }

  /** What is there no longer works. Whether the server has noticed, and lets us rejoin, we are about to hear. */
  #interrupt(): void {
    if (this.#state === 'live') this.#setState('reconnecting');
    this.#opener.awaitLive();
  }

  #fail(error: unknown): void {
    this.#end({ reason: 'failed', error: asCallError(error, 'MEDIA_UNREACHABLE') });
  }

  #setState(state: CallState): void {
    if (this.#state === state || this.#state === 'ended') return;
    this.#state = state;
    this.emit('state', state);
  }

  /** The first reason wins. The sound stops now; `farewell` is what the server is still told. */
  #end(outcome: CallOutcome, farewell?: () => Promise<void>): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#opener.close();
    this.#meters?.close();
    this.#media.close();
    this.#track?.stop();
    void (farewell?.() ?? Promise.resolve()).finally(() => this.#signaling.close());
    this.#setState('ended');
    this.emit('ended', outcome);
    this.#placed?.reject(outcome.error ?? new CallError('CALL_CANCELLED', `the call ended: ${outcome.reason}`));
  }
}

/**
 * Places a call in one line.
 *
 * @returns the live call. Listen to its events; end it with `hangUp()`.
 * @throws CallError why the call did not come about.
 */
export async function placeCall(options: CallOptions = {}): Promise<ParleyCall> {
  const call = new ParleyCall(options);
  await call.place();
  return call;
}
