import type { LatencyReport } from '../../sdk/index.ts';

/** Hops in the order in which a sound passes them. */
const HOPS: readonly [hop: Exclude<keyof LatencyReport, 'totalMs'>, name: string, about: string][] = [
  ['networkMs', 'Network', 'One way up and one way down'],
  ['bufferMs', 'Jitter', 'The server’s jitter buffer, until the frame is closed'],
  ['tickWaitMs', 'Tick', 'Waiting for the step that all calls share'],
  ['stepMs', 'Model', 'One step of the model'],
  ['pacingMs', 'Pacing', 'From the answer to its first packet'],
  ['receiveBufferMs', 'Playout', 'The browser’s own jitter buffer'],
  ['speakerMs', 'Speaker', 'From the browser to the loudspeaker'],
];

/**
 * Where the time goes on the way to the model and back: the sum, a bar, and every hop by name. The 80 ms that a frame
 * takes to be spoken are not in it: no server can save them.
 */
export function LatencyPanel({ latency }: { latency: LatencyReport | undefined }) {
  return (
    <section className="latency" aria-label="Latency">
      <p className="latency-total">
        {latency && (
          <span className="latency-sum">
            <strong>{Math.round(latency.totalMs)}</strong> ms
          </span>
        )}
        <span className="latency-about">
          {latency ? 'there and back, plus a frame of 80 ms' : 'Measuring the way there and back…'}
        </span>
      </p>
      <div className="latency-bar" aria-hidden="true">
        {HOPS.map(([hop]) => (
          <i key={hop} className={`hop hop-${hop}`} style={{ flexGrow: latency?.[hop] ?? 0 }} />
        ))}
      </div>
      <dl className="latency-hops">
        {HOPS.map(([hop, name, about]) => (
          <div key={hop} title={about}>
            <dt>
              <i className={`hop hop-${hop}`} aria-hidden="true" />
              {name}
            </dt>
            <dd>{latency ? formatMs(latency[hop]) : '–'}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** One decimal under 10, so that the small hops do not all read alike. */
function formatMs(ms: number): string {
  return ms < 9.95 ? ms.toFixed(1) : String(Math.round(ms));
}
