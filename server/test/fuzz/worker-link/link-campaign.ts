import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connectWorker, type WorkerLink } from '../../../../inference/index.ts';
import { type Campaign, Violation } from '../campaign.ts';
import type { Dice } from '../dice.ts';
import { makeLinkAttack, someStage } from './attack.ts';
import { encode, HELLO, openSlot, ping } from './messages.ts';
import { WorkerAnswers } from './worker-answers.ts';

/** The worker ends what does not say hello after 2 s, and a refused connection within half a second. */
const CLOSED_WITHIN_MS = 5000;
const LAST_PING = 0xfeed;

/**
 * Attacks a worker's socket: each mutation on a connection of its own, which is then closed from this side. The worker
 * has to answer with messages of its protocol only, and to end the connection.
 */
export class LinkCampaign implements Campaign {
  readonly input = 'worker-link';
  readonly #socketPath: string;
  /** Tells slots and ticks, so that some frames are for open slots and the next ticks. */
  readonly #link: WorkerLink;

  private constructor(socketPath: string, link: WorkerLink) {
    this.#socketPath = socketPath;
    this.#link = link;
  }

  static async at(socketPath: string): Promise<LinkCampaign> {
    return new LinkCampaign(socketPath, await connectWorker(socketPath));
  }

  settle(): Promise<void> {
    return this.#link.close();
  }

  async attack(dice: Dice): Promise<string> {
    const { info, clock } = this.#link;
    const stage = someStage(dice);
    const attacker = new Attacker(this.#socketPath);
    let slot = dice.below(info.slotCount);
    if (stage !== 'new') attacker.write(encode(HELLO));
    if (stage === 'slotted') slot = (await attacker.open(dice)) ?? slot;
    const writes = makeLinkAttack(dice, { stage, slot, tick: clock.nextTick(performance.now()).index });
    for (const bytes of writes) {
      attacker.write(bytes);
      if (writes.length > 1) await nextTurn();
    }
    attacker.write(encode(ping(LAST_PING)));
    return attacker.finish();
  }
}

/** One connection of an attacker. */
class Attacker {
  readonly #socket: Socket;
  readonly #answers = new WorkerAnswers();
  readonly #ended = Promise.withResolvers<void>();
  readonly #deadline: NodeJS.Timeout;

  constructor(socketPath: string) {
    this.#socket = createConnection(socketPath);
    // It may fail before `finish` waits for it.
    this.#ended.promise.catch(() => undefined);
    this.#deadline = setTimeout(() => this.#fail('the worker neither answered nor hung up'), CLOSED_WITHIN_MS);
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      // Hung up on while still writing: allowed, and `close` follows. A worker that is not there is not.
      if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') this.#fail(`the worker's socket: ${error.message}`);
    });
    this.#socket.on('close', () => this.#ended.resolve());
  }

  write(...pieces: readonly Buffer[]): void {
    for (const bytes of pieces) if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** @returns its slot; undefined where the worker refuses it one. */
  async open(dice: Dice): Promise<number | undefined> {
    this.write(encode(openSlot(dice)));
    while (this.#answers.openedSlots.length + this.#answers.refusals.length === 0) {
      await Promise.race([once(this.#socket, 'data'), this.#ended.promise]);
    }
    return this.#answers.openedSlots[0];
  }

  /** @returns the outcome, once the worker has hung up. @throws Violation */
  async finish(): Promise<string> {
    this.#socket.end();
    try {
      await this.#ended.promise;
    } finally {
      clearTimeout(this.#deadline);
      this.#socket.destroy();
    }
    const { refusals, pongs } = this.#answers;
    const last = refusals.at(-1);
    if (last?.isFatal) return last.code;
    if (refusals[0]) return `${refusals[0].code} (goes on)`;
    return pongs.has(LAST_PING) ? 'served' : 'cut short';
  }

  #read(chunk: Buffer): void {
    try {
      this.#answers.push(chunk);
    } catch (error) {
      this.#ended.reject(error);
    }
  }

  #fail(message: string): void {
    this.#ended.reject(new Violation(message));
  }
}
