import {
  CallError,
  type CallLevels,
  type CallOutcome,
  type CallState,
  type ConnectingStep,
  type LatencyReport,
  listMicrophones,
  type Microphone,
  ParleyCall,
} from '../../sdk/index.ts';
import { appendPiece, EMPTY_TRANSCRIPT, type Speaker, type Transcript } from './transcript.ts';

/** All that the page shows, except the levels, which come too often for React. */
export interface CallView {
  readonly state: CallState;
  readonly step: ConnectingStep;
  readonly engine: { readonly name: string; readonly isUntrained: boolean } | undefined;
  readonly transcript: Transcript;
  readonly latency: LatencyReport | undefined;
  readonly outcome: CallOutcome | undefined;
  /** What does not work in a call that goes on. */
  readonly warning: CallError | undefined;
  readonly isMuted: boolean;
  readonly microphones: readonly Microphone[];
  /** '' is the browser's default. */
  readonly microphoneId: string;
  readonly liveAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
}

const BEFORE_A_CALL = {
  step: 'microphone',
  engine: undefined,
  transcript: EMPTY_TRANSCRIPT,
  latency: undefined,
  outcome: undefined,
  warning: undefined,
  isMuted: false,
  liveAtMs: undefined,
  endedAtMs: undefined,
} as const;

const MICROPHONE_KEY = 'parley.microphone';

/** The page's one call at a time, as something that React can watch. */
export class CallStore {
  readonly #watchers = new Set<() => void>();
  readonly #levelWatchers = new Set<(levels: CallLevels) => void>();
  #call: ParleyCall | undefined;
  #view: CallView = {
    ...BEFORE_A_CALL,
    state: 'idle',
    microphones: [],
    microphoneId: localStorage.getItem(MICROPHONE_KEY) ?? '',
  };

  constructor() {
    void this.#listMicrophones();
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.#listMicrophones());
    if (!isSecureContext) this.#refuse();
  }

  readonly getView = (): CallView => this.#view;

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  watchLevels(watcher: (levels: CallLevels) => void): () => void {
    this.#levelWatchers.add(watcher);
    return () => this.#levelWatchers.delete(watcher);
  }

  placeCall(): void {
    if (this.#call && this.#call.state !== 'ended') return;
    const call = new ParleyCall({ microphoneId: this.#knownMicrophoneId() });
    this.#call = call;
    this.#update({ ...BEFORE_A_CALL });
    this.#follow(call);
    // Why it failed arrives with `ended`.
    call.place().catch(() => undefined);
  }

  hangUp(): void {
    this.#call?.hangUp();
  }

  toggleMute(): void {
    this.#call?.setMuted(!this.#view.isMuted);
    this.#update({ isMuted: !this.#view.isMuted });
  }

  resumeAudio(): void {
    this.#update({ warning: undefined });
    void this.#call?.resumeAudio();
  }

  chooseMicrophone(microphoneId: string): void {
    const former = this.#view.microphoneId;
    localStorage.setItem(MICROPHONE_KEY, microphoneId);
    this.#update({ microphoneId, warning: undefined });
    if (this.#view.state !== 'live' && this.#view.state !== 'reconnecting') return;
    this.#call?.switchMicrophone(microphoneId || undefined).catch((warning: CallError) => {
      this.#update({ warning, microphoneId: former });
    });
  }

  #follow(call: ParleyCall): void {
    call.on('state', (state) => this.#update({ state, ...(state === 'live' ? this.#liveAgain() : {}) }));
    call.on('connecting', (step) => {
      // Permission was given: now the microphones have names.
      if (step === 'server') void this.#listMicrophones();
      this.#update({ step });
    });
    call.on('engine', (engine) => this.#update({ engine }));
    call.on('text', ({ text }) => this.#write(text, 'model'));
    call.on('heard', ({ text }) => this.#write(text, 'caller'));
    call.on('latency', (latency) => this.#update({ latency }));
    call.on('error', (warning) => this.#update({ warning }));
    call.on('ended', (outcome) => this.#update({ outcome, warning: undefined, endedAtMs: Date.now() }));
    call.on('levels', (levels) => {
      for (const watcher of this.#levelWatchers) watcher(levels);
    });
  }

  #write(piece: string, speaker: Speaker): void {
    this.#update({ transcript: appendPiece(this.#view.transcript, piece, performance.now(), speaker) });
  }

  /** What went away for a while is back: the page does not go on saying otherwise. */
  #liveAgain(): Partial<CallView> {
    const { liveAtMs, warning } = this.#view;
    const isOver = warning?.code === 'ENGINE_LOST' || warning?.code === 'MEDIA_LOST';
    return { liveAtMs: liveAtMs ?? Date.now(), warning: isOver ? undefined : warning };
  }

  /** Says at once what a click would only say later. */
  #refuse(): void {
    const error = new CallError('INSECURE_PAGE', `${location.origin} is not a secure page`);
    this.#update({ state: 'ended', outcome: { reason: 'failed', error } });
  }

  #knownMicrophoneId(): string | undefined {
    const { microphones, microphoneId } = this.#view;
    return microphones.some(({ id }) => id === microphoneId) ? microphoneId : undefined;
  }

  async #listMicrophones(): Promise<void> {
    this.#update({ microphones: await listMicrophones() });
  }

  #update(change: Partial<CallView>): void {
    this.#view = { ...this.#view, ...change };
    for (const watcher of this.#watchers) watcher();
  }
}
