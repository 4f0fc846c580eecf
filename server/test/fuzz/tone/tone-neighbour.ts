import { setTimeout as sleep } from 'node:timers/promises';
import type { Neighbour } from '../trial.ts';
import { ToneCall, type ToneCallReading } from './tone-call.ts';

/** Before the tone is judged: jitter buffers settle, and the code is compiled. */
const SETTLE_MS = 1500;
const CALM_MS = 2500;
/**
 * What may be worse than in the calm before. Attackers, attacked and callers share one machine, often with much else: a
 * busy one was seen to take a third of the tone. Harm looks otherwise: silence that stays, another level, an end.
 */
const GAP_MS_MORE_MAX = 1000;
const GAP_SHARE_MORE_MAX = 0.35;
const LEVEL_DB_MAX = 1.5;
const LIVE = 'joining,connecting,live';

/** A call with a tone through the loopback engine, compared with itself before the attacks. */
export class ToneNeighbour implements Neighbour {
  /** What was heard before the attacks and during them, for the report. */
  heard: Readonly<Record<string, number>> = {};
  readonly #call: ToneCall;
  readonly #calm: ToneCallReading | undefined;
  readonly #beganMs = performance.now();

  private constructor(call: ToneCall, calm?: ToneCallReading) {
    this.#call = call;
    this.#calm = calm;
  }

  /** @param isJudged whether it listens to the calm first. */
  static async call(url: string, isJudged: boolean): Promise<ToneNeighbour> {
    const call = await ToneCall.place(url);
    if (!isJudged) return new ToneNeighbour(call);
    await sleep(SETTLE_MS);
    await call.read();
    await sleep(CALM_MS);
    return new ToneNeighbour(call, await call.read());
  }

  async finish(): Promise<string[]> {
    const heard = await this.#call.read();
    const elapsedMs = performance.now() - this.#beganMs;
    await this.#call[Symbol.asyncDispose]();
    const { told, heardMs } = heard;
    const harms = told.join() === LIVE ? [] : [`the server told it ${told.join(', ')}`];
    const calm = this.#calm;
    if (!calm) return harms;
    this.heard = {
      gap_share_calm: shareOf(calm),
      gap_share_attacked: shareOf(heard),
      gap_ms_max_calm: calm.gapMsMax,
      gap_ms_max_attacked: heard.gapMsMax,
      level_dbfs_calm: calm.levelDbfs,
      level_dbfs_attacked: heard.levelDbfs,
    };
    if (heardMs < elapsedMs * 0.8) harms.push(`${heardMs} ms were played in ${Math.round(elapsedMs)}`);
    return [...harms, ...harmsBetween(calm, heard)];
  }
}

function harmsBetween(calm: ToneCallReading, heard: ToneCallReading): string[] {
  const harms: string[] = [];
  if (!(calm.levelDbfs > -30)) harms.push(`no tone before the attacks: ${JSON.stringify(calm)}`);
  // A caller who is held up sends late and plays late, whatever the server does.
  const gapMsMax = calm.gapMsMax + GAP_MS_MORE_MAX + 2 * heard.stallMsMax;
  if (heard.gapMsMax > gapMsMax) harms.push(`a gap of ${heard.gapMsMax} ms, ${gapMsMax} at most`);
  if (shareOf(heard) > shareOf(calm) + GAP_SHARE_MORE_MAX) {
    harms.push(`no tone for ${heard.gapMs} of ${heard.heardMs} ms; before, ${calm.gapMs} of ${calm.heardMs}`);
  }
  if (!(Math.abs(heard.levelDbfs - calm.levelDbfs) < LEVEL_DB_MAX)) {
    harms.push(`the tone's level went from ${calm.levelDbfs} to ${heard.levelDbfs} dBFS`);
  }
  return harms;
}

function shareOf({ gapMs, heardMs }: ToneCallReading): number {
  return gapMs / Math.max(1, heardMs);
}
