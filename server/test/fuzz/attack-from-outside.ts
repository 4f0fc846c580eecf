import { fork } from 'node:child_process';
import { setPriority } from 'node:os';
import type { AttackersTold, AttackOrder } from './attackers.ts';
import type { CampaignReport } from './campaign.ts';

const ATTACKERS = new URL('attackers.ts', import.meta.url);
/** Attackers have machines of their own; here they get what the server and the other call leave. */
const NICENESS = 10;

/** Runs campaigns in a process of their own. @param onProgress told the mutations done, all inputs together. */
export async function attackFromOutside(
  order: AttackOrder,
  onProgress: (done: number) => void = () => undefined,
): Promise<readonly CampaignReport[]> {
  const child = fork(ATTACKERS, { serialization: 'advanced' });
  setPriority(child.pid!, NICENESS);
  try {
    return await new Promise<readonly CampaignReport[]>((resolve, reject) => {
      child.on('message', (told: AttackersTold) => {
        if (told.type === 'progress') onProgress(told.done);
        else if (told.type === 'reports') resolve(told.reports);
        else reject(new Error(`the attackers failed: ${told.message}`));
      });
      child.on('exit', (code, signal) => reject(new Error(`the attackers' process ended: ${code ?? signal}`)));
      child.send(order);
    });
  } finally {
    child.kill();
  }
}
