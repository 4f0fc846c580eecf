import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { CallerTold } from './tone-caller.ts';
import type { ToneReading } from './tone-ear.ts';

const CALLER = new URL('tone-caller.ts', import.meta.url);

/** A tone that goes to a server and comes back, in a process of its own. */
export class ToneCall implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param hz a multiple of 50. @returns the live call. */
  static async place(url: string, hz = 450): Promise<ToneCall> {
    const child = fork(CALLER, ['--url', url, '--hz', String(hz)]);
    const [told] = (await once(child, 'message')) as [CallerTold];
    if (told.type === 'failed') throw new Error(`the tone's call: ${told.message}`);
    return new ToneCall(child);
  }

  /** What was heard since the last reading, and everything that the server told since the call's start. */
  async read(): Promise<ToneReading & { readonly told: readonly string[] }> {
    const answer = once(this.#child, 'message');
    this.#child.send('read');
    const [told] = (await answer) as [CallerTold];
    if (told.type !== 'reading') throw new Error(`the tone's caller told ${told.type}`);
    return { ...told.tone, told: told.told };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.send('hangUp');
    await exited;
  }
}
