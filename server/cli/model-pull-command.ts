import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { cacheFolder, inGb } from '../../inference/index.ts';
import { type PullDialogue, type PullOffer, pullModel, type Report } from './model-pull/pull.ts';
import { withProgress } from './progress.ts';

export interface ModelPullFlags {
  readonly revision: string;
  readonly endpoint: string;
  readonly cache?: string;
  readonly yes?: boolean;
}

/**
 * Downloads a model of the hub, and says how to use it. Ctrl-C ends it with what is there kept.
 * @param token of the hub, for models that are given to some only.
 * @returns false where the operator declined.
 */
export async function modelPullCommand(
  repository: string,
  { revision, endpoint, cache, yes = false }: ModelPullFlags,
  token: string | undefined,
): Promise<boolean> {
  const ending = new AbortController();
  const end = () => ending.abort(new Error('ended by a signal'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  const cacheDirectory = cache ?? cacheFolder(process.env);
  const request = { repository, revision, endpoint, token, cacheDirectory, signal: ending.signal };
  try {
    const directory = await pullModel(request, dialogueWith(process, yes));
    if (directory === undefined) {
      console.error('Nothing was downloaded.');
      return false;
    }
    const option = cache === undefined ? repository : directory;
    console.log(`${directory}\nTo hear it: npm start -- --model ${option}`);
    return true;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  }
}

type Terminal = Pick<NodeJS.Process, 'stdin' | 'stderr'>;

function dialogueWith({ stdin, stderr }: Terminal, isAgreed: boolean): PullDialogue {
  return {
    async agree(offer) {
      stderr.write(describeOffer(offer));
      const isAsked = !isAgreed && offer.presentBytes === 0 && stdin.isTTY && stderr.isTTY;
      return !isAsked || (await askYes('Download it, under this licence? [y/N] ', { stdin, stderr }));
    },
    async follow(what, totalBytes, work) {
      await withProgress(totalBytes, (show) => work(addedUp(show, stderr.isTTY ? undefined : tellOf(what, stderr))), {
        label: what,
      });
    },
  };
}

function describeOffer({ model, directory, fileCount, sizeBytes, presentBytes }: PullOffer): string {
  const lines = [
    `${model.repository}, commit ${model.commit}`,
    `  licence  ${model.license ?? 'its card names none'}`,
    `  size     ${inGb(sizeBytes)} in ${fileCount} files${presentBytes > 0 ? `, ${inGb(presentBytes)} of it are here` : ''}`,
    `  goes to  ${directory}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Turns the bytes of each file into those of all. */
function addedUp(show: (doneBytes: number) => void, tell: ((name: string) => void) | undefined): Report {
  const doneByFile = new Map<string, number>();
  return ({ name }, doneBytes) => {
    if (!doneByFile.has(name)) tell?.(name);
    doneByFile.set(name, doneBytes);
    show([...doneByFile.values()].reduce((sum, bytes) => sum + bytes, 0));
  };
}

function tellOf(what: string, stderr: Terminal['stderr']): (name: string) => void {
  return (name) => stderr.write(`${what} ${name}\n`);
}

async function askYes(question: string, { stdin, stderr }: Terminal): Promise<boolean> {
  const terminal = createInterface({ input: stdin, output: stderr });
  try {
    const closed = once(terminal, 'close').then(() => '');
    // Ctrl-C and the end of the input close it: neither is a yes.
    const answer = await Promise.race([terminal.question(question), closed]).catch(() => '');
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}
