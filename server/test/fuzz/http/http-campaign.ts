import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Campaign, Violation } from '../campaign.ts';
import type { Dice } from '../dice.ts';
import { makeHttpAttack } from './attack.ts';

/** After our goodbye; half a request keeps a connection for the server's own limit of 10 s at most. */
const CLOSED_WITHIN_MS = 15_000;
const LINGER_MS = 50;
const STATUS_LINE = /^HTTP\/1\.1 (\d{3}) /;
/** What the server may say of itself: methods and versions that it does not have, and that it is not ready. */
const SERVER_ERRORS_ALLOWED = ['501', '503', '505'];
const HEAD_CHARS = 4096;

/** Attacks a server's HTTP port, each mutation on a TCP connection of its own. */
export class HttpCampaign implements Campaign {
  readonly input = 'http';
  readonly #hostname: string;
  readonly #port: number;
  readonly #host: string;

  constructor(url: string) {
    const { hostname, port, host } = new URL(url);
    this.#hostname = hostname;
    this.#port = Number(port);
    this.#host = host;
  }

  async attack(dice: Dice): Promise<string> {
    const { pieces, pauseMs, leave } = makeHttpAttack(dice, this.#host);
    const socket = createConnection({ host: this.#hostname, port: this.#port, noDelay: true });
    const ended = outcomeOf(socket);
    for (const [i, piece] of pieces.entries()) {
      if (i > 0 && pauseMs > 0) await sleep(pauseMs);
      if (socket.writable) socket.write(piece);
    }
    if (leave === 'linger') await sleep(LINGER_MS);
    if (leave === 'end') socket.end();
    else if (leave === 'reset') socket.resetAndDestroy();
    else socket.destroy();
    const outcome = await ended;
    return leave === 'end' ? outcome : `${leave} by us`;
  }
}

/** Resolves when the connection has ended. @throws Violation over an answer that is none, or no end. */
function outcomeOf(socket: Socket): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let head = '';
  const deadline = setTimeout(() => {
    socket.destroy();
    reject(new Violation(`the server kept a connection open after our end: ${JSON.stringify(head.slice(0, 80))}`));
  }, CLOSED_WITHIN_MS);
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    if (head.length < HEAD_CHARS) head += text;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // Hung up on while still writing.
    if (error.code === 'EPIPE' || error.code === 'ECONNRESET') return;
    reject(new Violation(`the server's port: ${error.message}`));
  });
  socket.on('close', () => {
    clearTimeout(deadline);
    if (head === '') {
      resolve('closed without an answer');
      return;
    }
    const status = STATUS_LINE.exec(head)?.[1];
    if (status === undefined) reject(new Violation(`no HTTP: ${JSON.stringify(head.slice(0, 80))}`));
    else if (status >= '500' && !SERVER_ERRORS_ALLOWED.includes(status)) {
      reject(new Violation(`the server failed over a request: ${status}`));
    } else if (/\broot:x:0|"name": "parley"/.test(head)) reject(new Violation('a file outside the page was served'));
    else resolve(status);
  });
  promise.catch(() => undefined);
  return promise;
}
