import { useEffect, useRef, useSyncExternalStore } from 'react';
import type { CallStore, CallView } from './call-store.ts';
import { Dial } from './dial.tsx';
import { Mark } from './icons.tsx';
import { Panel } from './panel.tsx';

const TITLES: Record<CallView['state'], string> = {
  idle: 'Parley',
  connecting: 'Calling · Parley',
  live: 'Live · Parley',
  reconnecting: 'Reconnecting · Parley',
  ended: 'Parley',
};

/** The whole page: the dial with the Call button in its middle, and beside it what there is to say. */
export function Page({ store }: { store: CallStore }) {
  const view = useSyncExternalStore(store.watch, store.getView);
  const canCall = view.state === 'idle' || view.state === 'ended';
  const wasCalled = useRef(false);

  // The button that was pressed is gone in the next state. The keyboard goes on from the words that took its place, and
  // never from a button: a key that is held, or pressed twice, would end what it began.
  useEffect(() => {
    if (view.state !== 'idle') wasCalled.current = true;
    if (!wasCalled.current || document.activeElement !== document.body) return;
    document.querySelector('h1')?.focus({ preventScroll: true });
  }, [view.state]);

  useEffect(() => {
    document.title = TITLES[view.state];
  }, [view.state]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      // Only while the call is being placed: a live call is not lost to a stray key.
      if (event.key === 'Escape' && store.getView().state === 'connecting') store.hangUp();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [store]);

  return (
    <div className="page" data-state={view.state} data-failed={view.outcome?.error ? '' : undefined}>
      <header className="header">
        <Mark />
        <span className="wordmark">Parley</span>
        <EngineTag view={view} />
      </header>
      <main className="main">
        <section className="stage" aria-label="Call">
          <div className="dial">
            <Dial store={store} state={view.state} isMuted={view.isMuted} />
            {canCall && (
              <button type="button" className="call-button" onClick={() => store.placeCall()}>
                <span>{view.state === 'idle' ? 'Call' : 'Call again'}</span>
              </button>
            )}
          </div>
          <ul className="legend">
            <li className="legend-caller">You</li>
            <li className="legend-assistant">Parley</li>
          </ul>
        </section>
        <Panel store={store} view={view} />
      </main>
    </div>
  );
}

function EngineTag({ view: { engine, state } }: { view: CallView }) {
  if (!engine || state === 'ended') return null;
  return <span className="engine-tag">{engine.name}</span>;
}
