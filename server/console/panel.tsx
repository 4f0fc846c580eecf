import { useEffect, useState } from 'react';
import type { CallStore, CallView } from './call-store.ts';
import { HangUpIcon, MicrophoneIcon } from './icons.tsx';
import { LatencyPanel } from './latency-panel.tsx';
import { MicrophonePicker } from './microphone-picker.tsx';
import { TranscriptView } from './transcript-view.tsx';
import { clockOf, STEP_WORDS, type Words, wordsOfEngine, wordsOfOutcome, wordsOfWarning } from './wording.ts';

interface PanelProps {
  readonly store: CallStore;
  readonly view: CallView;
}

/** Beside the dial: what the call is at, in words, and what can be done about it. */
export function Panel({ store, view }: PanelProps) {
  switch (view.state) {
    case 'idle':
      return <IdlePanel store={store} view={view} />;
    case 'connecting':
      return <ConnectingPanel store={store} view={view} />;
    case 'live':
    case 'reconnecting':
      return <LivePanel store={store} view={view} />;
    case 'ended':
      return <EndedPanel store={store} view={view} />;
  }
}

function Lead({ title, lead }: Words) {
  return (
    <>
      <h1 className="title" tabIndex={-1}>
        {title}
      </h1>
      <p className="lead">{lead}</p>
    </>
  );
}

function Picker({ store, view }: PanelProps) {
  return (
    <MicrophonePicker
      microphones={view.microphones}
      microphoneId={view.microphoneId}
      onChoose={(microphoneId) => store.chooseMicrophone(microphoneId)}
    />
  );
}

function IdlePanel({ store, view }: PanelProps) {
  return (
    <section className="panel">
      <Lead
        title="Go on, interrupt it."
        lead="Parley listens while it speaks. Call, and talk as you would to a person: cut in, trail off, change your mind."
      />
      <Picker store={store} view={view} />
      {view.microphones.length === 0 && (
        <p className="hint">Your browser will ask for the microphone. Headphones help: it hears itself less.</p>
      )}
    </section>
  );
}

function ConnectingPanel({ store, view }: PanelProps) {
  return (
    <section className="panel">
      <div role="status">
        <Lead {...STEP_WORDS[view.step]} />
      </div>
      <button type="button" className="button" onClick={() => store.hangUp()}>
        Cancel
      </button>
    </section>
  );
}

function LivePanel({ store, view }: PanelProps) {
  const isWaiting = view.state === 'reconnecting';
  const notice = wordsOfEngine(view.engine);
  return (
    <section className="panel panel-live">
      <div className="status-line">
        <p role="status" className="status">
          {isWaiting ? 'Reconnecting…' : view.isMuted ? 'Live, you are muted' : 'Live'}
        </p>
        <Clock sinceMs={view.liveAtMs} />
      </div>
      <h1 className="visually-hidden" tabIndex={-1}>
        Your call
      </h1>
      {notice && <p className="notice">{notice}</p>}
      <Warning store={store} view={view} />
      <TranscriptView
        transcript={view.transcript}
        placeholder={isWaiting ? 'The line broke. The call is kept, and the sound comes back.' : 'Say something.'}
      />
      <LatencyPanel latency={view.latency} />
      <div className="controls">
        <button type="button" className="button" aria-pressed={view.isMuted} onClick={() => store.toggleMute()}>
          <MicrophoneIcon isOff={view.isMuted} />
          Mute
        </button>
        <Picker store={store} view={view} />
        <button type="button" className="button button-end" onClick={() => store.hangUp()}>
          <HangUpIcon />
          Hang up
        </button>
      </div>
    </section>
  );
}

function Warning({ store, view: { warning } }: PanelProps) {
  if (!warning) return null;
  return (
    <p className="warning" role="alert">
      {wordsOfWarning(warning)}
      {warning.code === 'PLAYBACK_BLOCKED' && (
        <button type="button" className="button" onClick={() => store.resumeAudio()}>
          Turn the sound on
        </button>
      )}
    </p>
  );
}

function EndedPanel({ store, view }: PanelProps) {
  const { outcome, liveAtMs, endedAtMs, transcript } = view;
  const durationMs = liveAtMs && endedAtMs ? endedAtMs - liveAtMs : undefined;
  const isFailed = outcome?.error !== undefined;
  const canChange = !isFailed || outcome?.error?.code !== 'INSECURE_PAGE';
  return (
    <section className="panel">
      <div role={isFailed ? 'alert' : 'status'}>
        {isFailed && <p className="eyebrow">{outcome.error?.code}</p>}
        <Lead {...wordsOfOutcome(outcome ?? { reason: 'hung-up' }, durationMs)} />
      </div>
      {canChange && <Picker store={store} view={view} />}
      {transcript.paragraphs.length > 0 && (
        <div className="keepsake">
          <h2 className="eyebrow">What it said</h2>
          <TranscriptView transcript={transcript} placeholder="" />
        </div>
      )}
    </section>
  );
}

function Clock({ sinceMs }: { sinceMs: number | undefined }) {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return <span className="clock">{clockOf(sinceMs ? nowMs - sinceMs : 0)}</span>;
}
