import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const DRAFT_SUFFIX = '.draft';
/** Nothing is written for so long but by a process that is gone. */
const ABANDONED_AFTER_MS = 3_600_000;

/**
 * A directory that other processes see whole or not at all: it is written beside its place and moved there. A crash
 * leaves a draft, which a later one removes; a second process at the same work is no harm.
 */
export class WholeDirectory implements Disposable {
  /** Where to write: empty at first. */
  readonly draft: string;
  readonly #directory: string;

  constructor(directory: string, nowMs = Date.now()) {
    this.#directory = directory;
    removeAbandoned(dirname(directory), nowMs);
    this.draft = `${directory}.${randomUUID()}${DRAFT_SUFFIX}`;
    mkdirSync(this.draft, { recursive: true });
  }

  /** Puts the directory in its place. Where another process was faster, its work stands and this one is dropped. */
  finish(): void {
    // A name that is on disk before what it names would be a torn directory after a power cut.
    for (const name of readdirSync(this.draft, { recursive: true, encoding: 'utf8' })) flush(join(this.draft, name));
    try {
      renameSync(this.draft, this.#directory);
    } catch (error) {
      if (!existsSync(this.#directory)) throw error;
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.draft, { recursive: true, force: true });
  }
}

function removeAbandoned(parent: string, nowMs: number): void {
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    if (!name.endsWith(DRAFT_SUFFIX)) continue;
    const draft = join(parent, name);
    if (nowMs - lastWriteMs(draft) > ABANDONED_AFTER_MS) rmSync(draft, { recursive: true, force: true });
  }
}

function lastWriteMs(draft: string): number {
  try {
    return Math.max(
      ...[draft, ...readdirSync(draft).map((name) => join(draft, name))].map((path) => statSync(path).mtimeMs),
    );
  } catch {
    // Its writer has just moved or removed it: it was not abandoned.
    return Number.POSITIVE_INFINITY;
  }
}

function flush(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
