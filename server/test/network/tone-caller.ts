import { parseArgs } from 'node:util';
import { ToneEar, type ToneReading } from './tone-ear.ts';
import { WrtcCall } from './wrtc-call.ts';

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

/** Whole periods in 20 ms for the ear: a multiple of 50 Hz. */
const AMPLITUDE = 0.25;
const AMPLITUDE_DBFS = 20 * Math.log10(AMPLITUDE) - 3.01;

const { values } = parseArgs({ options: { url: { type: 'string' }, hz: { type: 'string', default: '450' } } });
const hz = Number(values.hz);
const ear = new ToneEar(hz, AMPLITUDE_DBFS);
const tell = (told: CallerTold) => process.send?.(told);

try {
  const call = await WrtcCall.place({
    url: values.url!,
    speak: (samples, at) => {
      for (let i = 0; i < samples.length; i++) {
        samples[i] = 32_767 * AMPLITUDE * Math.sin((2 * Math.PI * hz * (at + i)) / 48_000);
      }
    },
    hear: (pcm, sampleRateHz) => ear.hear(pcm, sampleRateHz),
  });
  process.on('message', (asked) => {
    if (asked === 'read') tell({ type: 'reading', tone: ear.read(), stallMsMax: call.readStallMs(), told: call.told });
    else void call.hangUp().finally(() => process.exit(0));
  });
  tell({ type: 'live' });
} catch (error) {
  tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
  process.disconnect();
}
process.on('disconnect', () => process.exit());
