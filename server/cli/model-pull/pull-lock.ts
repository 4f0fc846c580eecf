import { readFile, rm, writeFile } from 'node:fs/promises';
import { ServerError } from '../../errors.ts';

/** Keeps a second process from writing to the same files. A process that died leaves a lock that the next one takes. */
export class PullLock implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws ServerError `MODEL_PULL_BUSY` */
  static async take(path: string): Promise<PullLock> {
    for (;;) {
      try {
        await writeFile(path, String(process.pid), { flag: 'wx' });
        return new PullLock(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      // Gone meanwhile reads as nobody's.
      const holder = Number(await readFile(path, 'utf8').catch(() => ''));
      if (isAlive(holder)) throw new ServerError('MODEL_PULL_BUSY', `process ${holder} holds ${path}`);
      await rm(path, { force: true });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.#path, { force: true });
  }
}

/** This very process does not hold what it asks for: in a container its number may be that of one before it. */
function isAlive(processId: number): boolean {
  if (!(processId > 0) || processId === process.pid) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
