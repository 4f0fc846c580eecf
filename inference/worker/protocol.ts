import { FRAME_SAMPLES } from '../engine/engine.ts';
import { InferenceError } from '../errors.ts';
import { ByteReader, BytesError, ByteWriter } from './bytes.ts';
import { BODIES, type Body } from './message-bodies.ts';
import type { ClientMessage, Message } from './messages.ts';

const LENGTH_BYTES = 4;
const HEADER_BYTES = LENGTH_BYTES + 1;

/** @returns the message as it goes over the wire: length, type, body. */
export function encodeMessage(message: Message): Buffer {
  const body = BODIES[message.type] as Body<Message>;
  const carriesPcm = message.type === 'frame' || message.type === 'reply';
  const writer = new ByteWriter(carriesPcm ? FRAME_SAMPLES * 4 + 256 : 256);
  writer.u32(0);
  writer.u8(body.code);
  body.write(writer, message);
  const bytes = writer.length - HEADER_BYTES;
  if (bytes > body.bytesMax) {
    throw new InferenceError('PROTOCOL_INVALID', `${message.type} of ${bytes} bytes, at most ${body.bytesMax}`);
  }
  writer.setU32(0, writer.length - LENGTH_BYTES);
  return writer.finish();
}

/** Cuts a stream into messages of one direction. After an error it is of no more use: the stream has lost its place. */
export class MessageDecoder<T extends Message> {
  readonly #bodyByCode: ReadonlyMap<number, Body<Message>>;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerLength = 0;
  #body: Body<Message> | undefined;
  #bytes = Buffer.alloc(0);
  #length = 0;

  constructor(from: T extends ClientMessage ? 'client' : 'worker') {
    this.#bodyByCode = new Map(
      Object.values(BODIES)
        .filter((body) => body.from === from)
        .map((body) => [body.code, body as Body<Message>]),
    );
  }

  /**
   * @param chunk any bytes of the stream, in order; read during the call only.
   * @yields the messages that it completes. @throws InferenceError `PROTOCOL_INVALID`
   */
  *push(chunk: Uint8Array): Generator<T, void> {
    let offset = 0;
    while (offset < chunk.length) {
      offset += this.#body ? this.#fillBody(chunk, offset) : this.#fillHeader(chunk, offset);
      if (this.#body && this.#length === this.#bytes.length) yield this.#takeMessage(this.#body) as T;
    }
  }

  #fillHeader(chunk: Uint8Array, offset: number): number {
    const part = chunk.subarray(offset, offset + HEADER_BYTES - this.#headerLength);
    this.#header.set(part, this.#headerLength);
    this.#headerLength += part.length;
    if (this.#headerLength === HEADER_BYTES) this.#beginBody();
    return part.length;
  }

  /** Sizes are checked before anything is allocated for them. */
  #beginBody(): void {
    const length = this.#header.readUInt32LE(0) - 1;
    const code = this.#header.readUInt8(LENGTH_BYTES);
    const body = this.#bodyByCode.get(code);
    if (!body) throw new InferenceError('PROTOCOL_INVALID', `unknown message type ${code}`);
    if (length < 0 || length > body.bytesMax) {
      throw new InferenceError('PROTOCOL_INVALID', `${body.type} of ${length} bytes, at most ${body.bytesMax}`);
    }
    this.#body = body;
    this.#bytes = Buffer.allocUnsafe(length);
    this.#length = 0;
  }

  #fillBody(chunk: Uint8Array, offset: number): number {
    const part = chunk.subarray(offset, offset + this.#bytes.length - this.#length);
    this.#bytes.set(part, this.#length);
    this.#length += part.length;
    return part.length;
  }

  #takeMessage(body: Body<Message>): Message {
    this.#body = undefined;
    this.#headerLength = 0;
    try {
      const reader = new ByteReader(this.#bytes);
      const message = body.read(reader);
      reader.end();
      return message;
    } catch (cause) {
      if (!(cause instanceof BytesError)) throw cause;
      throw new InferenceError('PROTOCOL_INVALID', `${body.type}: ${cause.message}`, { cause });
    }
  }
}
