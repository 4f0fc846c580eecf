import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { inGb } from '../../../inference/index.ts';
import { withProgress } from '../progress.ts';
import type { PullDialogue, PullOffer, Report } from './pull.ts';

/** Where the operator sits, if there is one. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/**
 * Tells the licence and the size, and asks for agreement where somebody is there to give it and has not yet. Everything
 * goes to standard error: standard output is for what the command finds out.
 */
export function terminalDialogue({ stdin, stderr }: Terminal, isAgreed: boolean): PullDialogue {
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

/** Oftener, and the time to go would be guessed from the last few packets. */
const SHOWN_EVERY_MS = 500;

/** Turns the bytes of each file into those of all. */
function addedUp(show: (doneBytes: number) => void, tell: ((name: string) => void) | undefined): Report {
  const doneByFile = new Map<string, number>();
  let shownAtMs = Number.NEGATIVE_INFINITY;
  return ({ name }, doneBytes) => {
    if (!doneByFile.has(name)) tell?.(name);
    doneByFile.set(name, doneBytes);
    if (performance.now() - shownAtMs < SHOWN_EVERY_MS) return;
    shownAtMs = performance.now();
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
