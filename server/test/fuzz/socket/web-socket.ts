import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { Violation } from '../campaign.ts';

const HANDSHAKE_BYTES_MAX = 4096;

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameParts {
  readonly opcode: number;
  readonly payload: Buffer;
  /** Default true. */
  readonly isFinal?: boolean;
  /** Default true: a client has to. */
  readonly isMasked?: boolean;
  /** The three reserved bits, 0 to 7; default 0. */
  readonly reserved?: number;
  /** What the header says; default: the truth. */
  readonly length?: number;
}

/** A WebSocket frame, RFC 6455 §5.2, right or wrong as asked. */
export function encodeFrame(parts: FrameParts): Buffer {
  const { opcode, payload, isFinal = true, isMasked = true, reserved = 0, length = payload.length } = parts;
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  const masked = isMasked ? 0x80 : 0;
  const header =
    length < 126
      ? Buffer.from([first, masked | length])
      : length < 65_536
        ? Buffer.from([first, masked | 126, length >> 8, length & 0xff])
        : Buffer.concat([Buffer.from([first, masked | 127]), bigEndian64(length)]);
  if (!isMasked) return Buffer.concat([header, payload]);
  const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);
  return Buffer.concat([header, mask, payload.map((byte, i) => byte ^ mask[i & 3]!)]);
}

/** One WebSocket client of socket.io over a bare TCP socket, so that it can send what no library would. */
export class RawWebSocket {
  readonly #socket: Socket;
  readonly #onText: (text: string) => void;
  #received = Buffer.alloc(0);
  #closeCode: number | undefined;

  private constructor(socket: Socket, onText: (text: string) => void) {
    this.#socket = socket;
    this.#onText = onText;
  }

  /** @returns the open connection. @throws Violation where the server refuses it. */
  static async open(url: string, onText: (text: string) => void): Promise<RawWebSocket> {
    const { hostname, port, host } = new URL(url);
    const socket = createConnection({ host: hostname, port: Number(port), noDelay: true });
    // Cut off while still writing: `close` follows.
    socket.on('error', () => undefined);
    const client = new RawWebSocket(socket, onText);
    socket.write(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\n` +
        `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    await client.#shakeHands();
    return client;
  }

  get isOpen(): boolean {
    return this.#socket.writable && this.#closeCode === undefined;
  }

  /** The code with which the server closed, if it said one. */
  get closeCode(): number | undefined {
    return this.#closeCode;
  }

  sendText(text: string): void {
    this.sendBytes(encodeFrame({ opcode: OPCODE.text, payload: Buffer.from(text) }));
  }

  sendBytes(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Resolves at the next message, or at the end. */
  async changed(): Promise<void> {
    if (this.#socket.closed) return;
    const stop = new AbortController();
    const { signal } = stop;
    await Promise.race([once(this.#socket, 'data', { signal }), once(this.#socket, 'close', { signal })]);
    stop.abort();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #shakeHands(): Promise<void> {
    let head = Buffer.alloc(0);
    for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0 && head.length < HANDSHAKE_BYTES_MAX) continue;
      if (!head.toString('latin1').startsWith('HTTP/1.1 101 ')) break;
      this.#socket.on('data', (data) => this.#read(data));
      this.#read(head.subarray(end + 4));
      return;
    }
    throw new Violation(`no WebSocket: ${head.toString('latin1').slice(0, 80)}`);
  }

  #read(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const frame = firstFrame(this.#received);
      if (!frame) return;
      this.#received = this.#received.subarray(frame.bytes);
      if (frame.opcode === OPCODE.close) {
        this.#closeCode = frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005;
        this.#socket.end();
      }
      if (frame.opcode === OPCODE.text) this.#onText(frame.payload.toString());
    }
  }
}

/** The server's frames are whole, unmasked and short of 4 GiB. */
function firstFrame(bytes: Buffer): { opcode: number; payload: Buffer; bytes: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6);
  if (bytes.length < start + length) return undefined;
  return { opcode: bytes[0]! & 0x0f, payload: bytes.subarray(start, start + length), bytes: start + length };
}

function bigEndian64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
