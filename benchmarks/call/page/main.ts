import { type LatencyReport, ParleyCall } from '../../../sdk/index.ts';

/** What the benchmark drives in the page: one call through the SDK, without the browser's own speech processing. */
export interface BenchCall {
  place(): Promise<void>;
  /** The SDK's latency reports so far, about one a second. */
  readonly reports: LatencyReport[];
  hangUp(): void;
}

const call = new ParleyCall({ echoCancellation: false, noiseSuppression: false, autoGainControl: false });
const reports: LatencyReport[] = [];
call.on('latency', (report) => reports.push(report));
call.on('error', (error) => console.error(error));
const bench: BenchCall = { place: () => call.place(), reports, hangUp: () => call.hangUp() };
Object.assign(globalThis, { parleyBench: bench });
