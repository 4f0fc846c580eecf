import { INFERENCE_ERRORS } from '../../../../inference/index.ts';
import { Violation } from '../campaign.ts';

/** Largest bodies of what a worker may send, by type, from PROTOCOL.md. */
const BODY_BYTES_MAX = new Map([
  [0x81, 1024],
  [0x82, 6],
  [0x83, 3],
  [0x84, 16_384],
  [0x85, 48],
  [0x86, 12],
  [0x87, 4096],
]);
const HEADER_BYTES = 5;

export interface Refusal {
  readonly code: string;
  readonly isFatal: boolean;
}

/** Reads what a worker answers to an attacker, and throws a Violation where it is none of its protocol's messages. */
export class WorkerAnswers {
  readonly refusals: Refusal[] = [];
  readonly pongs = new Set<number>();
  readonly openedSlots: number[] = [];
  #pending = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= HEADER_BYTES) {
      const end = 4 + this.#pending.readUInt32LE(0);
      const type = this.#pending.readUInt8(4);
      if (!(end - HEADER_BYTES <= BODY_BYTES_MAX.get(type)!)) {
        throw new Violation(`the worker sent type ${type} of ${end - HEADER_BYTES} bytes`);
      }
      if (this.#pending.length < end) return;
      this.#read(type, this.#pending.subarray(HEADER_BYTES, end));
      this.#pending = this.#pending.subarray(end);
    }
  }

  #read(type: number, body: Buffer): void {
    if (type === 0x82) this.openedSlots.push(body.readUInt16LE(4));
    if (type === 0x86) this.pongs.add(body.readUInt32LE(0));
    if (type !== 0x87) return;
    const codeBytes = body.readUInt16LE(7);
    const code = body.toString('utf8', 9, 9 + codeBytes);
    if (!Object.hasOwn(INFERENCE_ERRORS, code))
      throw new Violation(`the worker sent an error of no known code: ${code}`);
    if (this.refusals.at(-1)?.isFatal) throw new Violation('the worker spoke on after a fatal error');
    this.refusals.push({ code, isFatal: body.readUInt8(0) === 1 });
  }
}
