import { readFile } from 'node:fs/promises';
import type { ParleyNode } from '../node.ts';

/** Process id of mediasoup's worker, the media process's only child. Linux only. @throws Error where there is none. */
export async function mediasoupPid(node: ParleyNode): Promise<number> {
  const { media } = node.pids;
  const children = (await readFile(`/proc/${media}/task/${media}/children`, 'utf8')).trim();
  // Never 0, which a kill would take for this very process group.
  if (!/^[1-9]\d*$/.test(children)) throw new Error(`the media process ${media} has the children '${children}'`);
  return Number(children);
}
