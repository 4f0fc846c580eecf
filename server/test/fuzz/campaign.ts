import { setTimeout as sleep } from 'node:timers/promises';
import { Dice } from './dice.ts';

/** One input of the server, and what it is attacked with. */
export interface Campaign {
  readonly input: string;
  /**
   * Makes one mutation, sends it, and judges what comes back.
   *
   * @returns what came of it, such as an error's code, for counting.
   * @throws {Violation} when the answer breaks the input's protocol, or none comes.
   */
  attack(dice: Dice): Promise<string>;
  /** Ends what the mutations left open. */
  settle?(): Promise<void>;
}

/** The server answered a mutation in a way that its protocol does not allow. */
export class Violation extends Error {}

export interface CampaignOptions {
  readonly seed: number;
  readonly count: number;
  /** Index of the first mutation. */
  readonly from?: number;
  /** Mutations under way at once. */
  readonly concurrency: number;
  readonly perSecondMax: number;
  /** Told after every mutation. */
  readonly onProgress?: () => void;
}

export interface CampaignReport {
  readonly input: string;
  readonly seed: number;
  readonly count: number;
  readonly elapsedMs: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly violationCount: number;
  /** The first few; `Dice(seed, input, index)` makes them again. */
  readonly violations: readonly { readonly index: number; readonly message: string }[];
}

const VIOLATIONS_KEPT = 20;

/** Runs mutations `from` to `from + count - 1`. Anything but a Violation that an attack throws ends the campaign. */
export async function runCampaign(campaign: Campaign, options: CampaignOptions): Promise<CampaignReport> {
  const { seed, count, from = 0, concurrency, perSecondMax, onProgress } = options;
  const outcomes: Record<string, number> = {};
  const violations: { index: number; message: string }[] = [];
  const beganMs = performance.now();
  let started = 0;
  const attacker = async (): Promise<void> => {
    while (started < count) {
      const waitMs = beganMs + (started * 1000) / perSecondMax - performance.now();
      const index = from + started++;
      if (waitMs >= 1) await sleep(waitMs);
      const outcome = await outcomeOf(campaign, new Dice(seed, campaign.input, index));
      if (outcome instanceof Violation) violations.push({ index, message: outcome.message });
      const label = outcome instanceof Violation ? 'violation' : outcome;
      outcomes[label] = (outcomes[label] ?? 0) + 1;
      onProgress?.();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, attacker));
  await campaign.settle?.();
  return {
    input: campaign.input,
    seed,
    count,
    elapsedMs: performance.now() - beganMs,
    outcomes: Object.fromEntries(Object.entries(outcomes).sort()),
    violationCount: violations.length,
    violations: violations.slice(0, VIOLATIONS_KEPT),
  };
}

async function outcomeOf(campaign: Campaign, dice: Dice): Promise<string | Violation> {
  try {
    return await campaign.attack(dice);
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  }
}
