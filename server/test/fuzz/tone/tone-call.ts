import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { CallerTold } from './tone-caller.ts';
import type { ToneReading } from './tone-ear.ts';

const CALLER = new URL('tone-caller.ts', import.meta.url);

export interface ToneCallReading extends ToneReading {
  /** How late the caller's own microphone was at most: what a busy machine did to the caller, not to the server. */
  readonly stallMsMax: number;
  readonly told: readonly string[];
}

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
  async read(): Promise<ToneCallReading> {
    const answer = once(this.#child, 'message');
    this.#child.send('read');
    const [told] = (await answer) as [CallerTold];
    if (told.type !== 'reading') throw new Error(`the tone's caller told ${told.type}`);
    return { ...told.tone, stallMsMax: told.stallMsMax, told: told.told };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.send('hangUp');
    await exited;
  }
}
