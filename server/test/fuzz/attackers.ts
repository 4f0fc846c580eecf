import { type CampaignOptions, type CampaignReport, runCampaign } from './campaign.ts';
import { CAMPAIGNS, type InputName } from './inputs.ts';

export interface AttackOrder extends Omit<CampaignOptions, 'onProgress'> {
  readonly inputs: readonly InputName[];
  /** The server's URL, or the worker's socket. */
  readonly address: string;
}

export type AttackersTold =
  | { readonly type: 'progress'; readonly done: number }
  | { readonly type: 'reports'; readonly reports: readonly CampaignReport[] }
  | { readonly type: 'failed'; readonly message: string };

const PROGRESS_EVERY = 50;

/** The attackers' process: `attackFromOutside` forks it, so that what they cost does not delay those who watch. */
async function attack({ inputs, address, ...options }: AttackOrder): Promise<void> {
  const tell = (told: AttackersTold) => process.send!(told);
  let done = 0;
  const onProgress = () => {
    if (++done % PROGRESS_EVERY === 0) tell({ type: 'progress', done });
  };
  try {
    const campaigns = await Promise.all(inputs.map((input) => CAMPAIGNS[input](address)));
    const reports = await Promise.all(campaigns.map((campaign) => runCampaign(campaign, { ...options, onProgress })));
    tell({ type: 'reports', reports });
  } catch (error) {
    tell({ type: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

process.once('message', (order) => void attack(order as AttackOrder));
process.on('disconnect', () => process.exit());
