import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CALLER_RATE_HZ, WrtcCaller } from '../../wrtc-caller.ts';
import { ToneEar, type ToneReading } from './tone-ear.ts';

/**
 * A process that calls a server with a tone and listens for its return, so that nothing its parent does delays it.
 * Its parent forks it, asks `read` or `hangUp`, and is told.
 */
export type CallerTold =
  | { readonly type: 'live' }
  | {
      readonly type: 'reading';
      readonly tone: ToneReading;
      readonly stallMsMax: number;
      readonly told: readonly string[];
    }
  | { readonly type: 'failed'; readonly message: string };

const AMPLITUDE = 0.25;
const AMPLITUDE_DBFS = 20 * Math.log10(AMPLITUDE) - 3.01;
const LIVE_MS_MAX = 20_000;
/** More often than the caller forgets what it has heard. */
const LISTEN_EVERY_MS = 200;

const { values } = parseArgs({ options: { url: { type: 'string' }, hz: { type: 'string' } } });
const hz = Number(values.hz);
const caller = new WrtcCaller(values.url!, { toneHz: hz, amplitude: AMPLITUDE });
const ear = new ToneEar(hz, AMPLITUDE_DBFS);
let stallMsMax = 0;

process.on('message', (asked) => {
  if (asked === 'read') read();
  else void caller.request('hangup', {}).finally(() => process.exit(0));
});
process.on('disconnect', () => process.exit());

try {
  await caller.place();
  for (let leftMs = LIVE_MS_MAX; caller.states.at(-1) !== 'live'; leftMs -= LISTEN_EVERY_MS) {
    if (leftMs <= 0) throw new Error(`not live within ${LIVE_MS_MAX} ms: ${told().join(', ')}`);
    await sleep(LISTEN_EVERY_MS);
  }
  caller.forgetHeard();
  let listenedAtMs = performance.now();
  setInterval(() => {
    stallMsMax = Math.max(stallMsMax, performance.now() - listenedAtMs - LISTEN_EVERY_MS);
    listenedAtMs = performance.now();
    listen();
  }, LISTEN_EVERY_MS);
  tell({ type: 'live' });
} catch (error) {
  tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
}

function tell(message: CallerTold): void {
  process.send?.(message);
}

function read(): void {
  listen();
  tell({ type: 'reading', tone: ear.read(), stallMsMax: Math.round(stallMsMax), told: told() });
  stallMsMax = 0;
}

function listen(): void {
  ear.hear(caller.heard, CALLER_RATE_HZ);
  caller.forgetHeard();
}

/** Every state, fault and end, in order. */
function told(): string[] {
  return caller.events.flatMap(({ name, payload }) => {
    if (name === 'state') return (payload as { state: string }).state;
    return ['levels', 'latency', 'text', 'heard'].includes(name) ? [] : `${name} ${JSON.stringify(payload)}`;
  });
}
