import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Answer,
  PROTOCOL_VERSION,
  SIGNALING_ERRORS,
  type SignalingErrorCode,
  type ValueOf,
} from '../../../../signaling/index.ts';
import { type Campaign, Violation } from '../campaign.ts';
import type { Dice } from '../dice.ts';
import { makeSocketAttack } from './attack.ts';
import { RawWebSocket } from './web-socket.ts';

const ANSWER_MS_MAX = 8000;
/** A broken frame may announce bytes that never come: then the server waits for them, and rightly so. */
const BROKEN_FRAME_MS_MAX = 300;
/** Mutations on a connection of an attacker who has a call: they are what reaches furthest in. */
const MUTATIONS_PER_CALL = 4;
/** A close frame is answered with its own code, from here on one that only its sender understands. */
const APPLICATION_CODE_MIN = 3000;
const JOIN_ACK = 1;
const LAST_ACK = 9;
const FIRST_ATTACK_ACK = 10;

/**
 * Attacks the signaling of a server. Every connection ends with a request that is right, which has to be answered
 * unless the server has closed the connection by then. `INTERNAL` is never a right answer.
 */
export class SocketCampaign implements Campaign {
  readonly input = 'socket';
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async attack(dice: Dice): Promise<string> {
    const attacker = await Attacker.connect(this.#url);
    try {
      const isCaller = dice.chance(0.3);
      const offer = isCaller ? await attacker.join() : undefined;
      const count = isCaller ? dice.between(1, MUTATIONS_PER_CALL) : 1;
      const attacks = Array.from({ length: count }, (_, i) => makeSocketAttack(dice, FIRST_ATTACK_ACK + i, offer));
      for (const { bytes } of attacks) attacker.send(bytes);
      const hasBrokenFrame = attacks.some(({ kind }) => kind === 'frame');
      return `${isCaller ? 'in a call' : 'outside'}: ${await attacker.finish(hasBrokenFrame)}`;
    } finally {
      attacker.destroy();
    }
  }
}

class Attacker {
  readonly #answers = new Map<number, Answer<unknown>>();
  #isReady = false;
  #socket: RawWebSocket | undefined;
  #violation: Violation | undefined;

  static async connect(url: string): Promise<Attacker> {
    const attacker = new Attacker();
    attacker.#socket = await RawWebSocket.open(url, (text) => attacker.#read(text));
    attacker.#socket.sendText('40');
    if (!(await attacker.#until(() => attacker.#isReady))) throw new Violation('no answer to the packet connect');
    return attacker;
  }

  /** @returns undefined where the server refuses: attackers may take all slots. */
  async join(): Promise<ValueOf<'join'> | undefined> {
    this.#socket!.sendText(`42${JOIN_ACK}${JSON.stringify(['join', { protocolVersion: PROTOCOL_VERSION }])}`);
    if (!(await this.#until(() => this.#answers.has(JOIN_ACK)))) throw new Violation('no answer to join');
    const answer = this.#answers.get(JOIN_ACK);
    return answer?.ok ? (answer.value as ValueOf<'join'>) : undefined;
  }

  send(bytes: Buffer): void {
    this.#socket!.sendBytes(bytes);
  }

  /** @param mayWait whether the server may be left waiting. @returns what became of the connection. */
  async finish(mayWait: boolean): Promise<string> {
    this.#socket!.sendText(`42${LAST_ACK}["rejoin",{}]`);
    const isDone = await this.#until(() => this.#answers.has(LAST_ACK), mayWait ? BROKEN_FRAME_MS_MAX : ANSWER_MS_MAX);
    if (!isDone && !mayWait) throw new Violation('the server neither answered nor closed the connection');
    if (!isDone) return 'left waiting for the rest';
    if (!this.#answers.has(LAST_ACK)) {
      const code = this.#socket!.closeCode ?? 0;
      return code >= APPLICATION_CODE_MIN ? 'closed with our own code' : `closed with ${code || 'no code'}`;
    }
    // Requests are answered in their order, apart from those that are refused at once.
    const codes = [...this.#answers].filter(([id]) => id >= FIRST_ATTACK_ACK).map(([, answer]) => codeOf(answer));
    return codes.at(-1) ?? 'ignored';
  }

  destroy(): void {
    this.#socket?.destroy();
  }

  /** @returns true when it is done or the connection has ended; false when the time is over first. */
  async #until(isDone: () => boolean, msMax = ANSWER_MS_MAX): Promise<boolean> {
    const stop = new AbortController();
    const timeout = sleep(msMax, true, { signal: stop.signal, ref: false }).catch(() => false);
    let isLate = false;
    while (!isDone() && this.#socket!.isOpen && !isLate && !this.#violation) {
      isLate = (await Promise.race([this.#socket!.changed(), timeout])) === true;
    }
    stop.abort();
    if (this.#violation) throw this.#violation;
    return !isLate;
  }

  #read(text: string): void {
    if (text.startsWith('40')) this.#isReady = true;
    const [, id, json] = /^43(\d+)(\[.*\])$/s.exec(text) ?? [];
    if (id === undefined) return;
    const [answer] = JSON.parse(json!) as [Answer<unknown>];
    this.#answers.set(Number(id), answer);
    if (!answer.ok) this.#judge(answer.error);
  }

  #judge(error: { code: SignalingErrorCode; fix: string }): void {
    if (!Object.hasOwn(SIGNALING_ERRORS, error.code) || error.fix === '') {
      this.#violation ??= new Violation(`an error of no known code: ${JSON.stringify(error)}`);
    }
    if (error.code === 'INTERNAL') this.#violation ??= new Violation('the server failed over a request: INTERNAL');
  }
}

function codeOf(answer: Answer<unknown>): string {
  return answer.ok ? 'served' : answer.error.code;
}
