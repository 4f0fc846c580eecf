import { createSocket, type Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Campaign, Violation } from '../campaign.ts';
import type { Dice } from '../dice.ts';
import { makeRtpAttack, type StreamPosition, validPacket } from './attack.ts';
import { SrtpCaller } from './srtp-caller.ts';

/** Then another call takes its place, so that starts and ends are attacked too. */
const MUTATIONS_PER_CALL = 400;
const PACKET_MS = 20;
const PACKET_TICKS = 48 * PACKET_MS;
/** What is later than this is not caught up with. */
const LAG_MS_MAX = 100;

interface Stream {
  readonly caller: SrtpCaller;
  readonly stranger: Socket;
  position: StreamPosition;
  mutationCount: number;
  nextAtMs: number;
}

/**
 * Attacks media with what live callers send: RTP, RTCP and Opus that are encrypted rightly, so that nothing but their
 * readers stands in their way, and datagrams of strangers. The attackers' calls have to stay live.
 */
export class RtpCampaign implements Campaign {
  readonly input = 'rtp';
  readonly #url: string;
  readonly #idle: Stream[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async attack(dice: Dice): Promise<string> {
    const stream = this.#idle.shift() ?? (await this.#open(dice));
    const { caller } = stream;
    // As fast as a caller speaks: a stream that runs ahead of time is all but silent to a jitter buffer.
    const waitMs = stream.nextAtMs - performance.now();
    if (waitMs >= 1) await sleep(waitMs);
    stream.nextAtMs = Math.max(stream.nextAtMs, performance.now() - LAG_MS_MAX) + 2 * PACKET_MS;
    caller.sendRtp(validPacket(advance(stream)));
    const attack = makeRtpAttack(dice, advance(stream));
    if (!('bytes' in attack)) caller.sendRtp(attack);
    else if (attack.kind === 'rtcp') caller.sendRtcp(attack.bytes);
    else stream.stranger.send(attack.bytes, caller.mediaPort, '127.0.0.1');
    const outcome = `${attack.kind}, ${caller.isHeard ? 'heard' : 'not heard'}`;
    stream.mutationCount++;
    if (caller.end !== undefined) {
      await close(stream);
      throw new Violation(`the server ended the call of who sent it: ${caller.end}`);
    }
    if (stream.mutationCount < MUTATIONS_PER_CALL) this.#idle.push(stream);
    else await close(stream);
    return outcome;
  }

  async settle(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map(close));
  }

  async #open(dice: Dice): Promise<Stream> {
    const ssrc = dice.between(1, 2 ** 31);
    const caller = await SrtpCaller.place(this.#url, ssrc);
    const position = {
      ssrc,
      payloadType: caller.payloadType,
      sequence: dice.below(65_536),
      timestamp: dice.below(2 ** 32),
    };
    return { caller, stranger: createSocket('udp4'), position, mutationCount: 0, nextAtMs: performance.now() };
  }
}

function advance(stream: Stream): StreamPosition {
  const { position } = stream;
  const next = {
    ...position,
    sequence: (position.sequence + 1) & 0xffff,
    timestamp: (position.timestamp + PACKET_TICKS) >>> 0,
  };
  stream.position = next;
  return next;
}

async function close({ caller, stranger }: Stream): Promise<void> {
  await caller.hangUp();
  stranger.close();
}
