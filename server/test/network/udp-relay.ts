import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** What a network does to one direction. Delays are drawn for each datagram alone, so jitter also changes their order. */
export interface Disturbance {
  /** 0 to 1. */
  readonly lossShare: number;
  readonly duplicateShare: number;
  readonly delayMs: number;
  /** Added to the delay, uniformly from 0 to this. */
  readonly jitterMs: number;
}

export const CLEAN: Disturbance = { lossShare: 0, duplicateShare: 0, delayMs: 0, jitterMs: 0 };

/** RTP of one direction since the last reading; RTCP, STUN and DTLS are disturbed too but not counted. */
export interface RelayCounters {
  readonly receivedCount: number;
  readonly lostCount: number;
  readonly duplicatedCount: number;
  /** Sent after a packet with a later sequence number. */
  readonly reorderedCount: number;
  readonly sentCount: number;
}

export interface UdpRelayOptions {
  /** Where callers send to, and the relay's port; the server's media has the same port at `serverIp`. */
  readonly ip: string;
  readonly serverIp: string;
  /** Uniform numbers in [0, 1), such as a seeded generator's. */
  readonly random: () => number;
}

type Direction = 'up' | 'down';

/**
 * A bad network on loopback: a datagram relay between callers and a server's media port, in userspace, since a kernel
 * without netem cannot do it. A server that announces the relay's address in place of its own is reached through it.
 */
export class UdpRelay implements AsyncDisposable {
  readonly #options: UdpRelayOptions;
  readonly #front: Socket;
  /** The server knows callers by their address: each gets a socket of its own towards it. */
  readonly #backs = new Map<string, Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #disturbance: Readonly<Record<Direction, Disturbance>> = { up: CLEAN, down: CLEAN };
  readonly #counters = { up: new Counters(), down: new Counters() };

  private constructor(options: UdpRelayOptions, front: Socket) {
    this.#options = options;
    this.#front = front;
    front.on('message', (bytes, from) => {
      this.#pass('up', bytes, this.#backOf(from.address, from.port), this.port, this.#options.serverIp);
    });
  }

  static async open(options: UdpRelayOptions): Promise<UdpRelay> {
    const front = createSocket('udp4');
    front.bind(0, options.ip);
    await once(front, 'listening');
    return new UdpRelay(options, front);
  }

  get port(): number {
    return (this.#front.address() as AddressInfo).port;
  }

  /** Holds from the next datagram on. */
  disturb(up: Disturbance, down: Disturbance): void {
    this.#disturbance = { up, down };
  }

  /** @returns what was counted since the last call, of both directions. */
  readCounters(): Readonly<Record<Direction, RelayCounters>> {
    return { up: this.#counters.up.read(), down: this.#counters.down.read() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const socket of [this.#front, ...this.#backs.values()]) socket.close();
  }

  #backOf(address: string, port: number): Socket {
    const key = `${address}:${port}`;
    const known = this.#backs.get(key);
    if (known) return known;
    const back = createSocket('udp4');
    back.on('message', (bytes) => this.#pass('down', bytes, this.#front, port, address));
    this.#backs.set(key, back);
    return back;
  }

  #pass(direction: Direction, bytes: Buffer, through: Socket, port: number, address: string): void {
    const { lossShare, duplicateShare, delayMs, jitterMs } = this.#disturbance[direction];
    const { random } = this.#options;
    const counters = this.#counters[direction];
    const sequence = rtpSequenceOf(bytes);
    const isLost = random() < lossShare;
    const copyCount = isLost ? 0 : random() < duplicateShare ? 2 : 1;
    if (sequence !== undefined) counters.received(copyCount);
    for (let copy = 0; copy < copyCount; copy++) {
      const waitMs = delayMs + random() * jitterMs;
      const send = () => {
        if (sequence !== undefined) counters.sent(sequence, bytes.readUInt32BE(8));
        through.send(bytes, port, address);
      };
      if (waitMs < 1) send();
      else this.#later(send, waitMs);
    }
  }

  #later(act: () => void, waitMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, waitMs);
    this.#timers.add(timer);
  }
}

class Counters {
  #received = 0;
  #lost = 0;
  #duplicated = 0;
  #reordered = 0;
  #sent = 0;
  readonly #lastSequence = new Map<number, number>();

  received(copyCount: number): void {
    this.#received++;
    if (copyCount === 0) this.#lost++;
    if (copyCount > 1) this.#duplicated++;
  }

  sent(sequence: number, ssrc: number): void {
    this.#sent++;
    const last = this.#lastSequence.get(ssrc);
    // Sequence numbers wrap: what is ahead by less than half of all is later.
    if (last !== undefined && ((sequence - last) & 0xffff) >= 0x8000) this.#reordered++;
    else this.#lastSequence.set(ssrc, sequence);
  }

  read(): RelayCounters {
    const counters = {
      receivedCount: this.#received,
      lostCount: this.#lost,
      duplicatedCount: this.#duplicated,
      reorderedCount: this.#reordered,
      sentCount: this.#sent,
    };
    this.#received = 0;
    this.#lost = 0;
    this.#duplicated = 0;
    this.#reordered = 0;
    this.#sent = 0;
    return counters;
  }
}

/** @returns undefined for RTCP, STUN and DTLS (RFC 7983, RFC 5761). SRTP leaves the header readable. */
function rtpSequenceOf(bytes: Buffer): number | undefined {
  if (bytes.length < 12 || bytes[0]! < 128 || bytes[0]! > 191) return undefined;
  if (bytes[1]! >= 192 && bytes[1]! <= 223) return undefined;
  return bytes.readUInt16BE(2);
}
