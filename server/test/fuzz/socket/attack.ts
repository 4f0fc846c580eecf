import type { RequestName, RequestOf, ValueOf } from '../../../../signaling/index.ts';
import type { Dice } from '../dice.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { mutateJson } from '../mutate-json.ts';
import { plausibleRequest, someRequest } from './requests.ts';
import { encodeFrame, OPCODE } from './web-socket.ts';

/** Bytes to send; those of a request are answered under its id where they still are one. */
export interface SocketAttack {
  readonly kind: 'request' | 'contents' | 'order' | 'packet' | 'frame';
  readonly bytes: Buffer;
}

/** Types of socket.io's packets, after engine.io's 4 for a message. */
const PACKET_TYPES = ['0', '1', '2', '3', '4', '5', '6', '9', ''];
const ENGINE_TYPES = ['0', '1', '2', '3', '4', '5', '6', '7', 'b', ''];
const BIG_BYTES = [20_000, 70_000];

const KINDS_OUTSIDE = ['request', 'request', 'order', 'packet', 'frame'] as const;
/** What breaks the connection is rare here: it would end what comes after it too. */
const KINDS_IN_CALL = [
  ...['request', 'request', 'request', 'request', 'contents', 'contents', 'contents', 'contents'],
  ...['order', 'order', 'packet', 'frame'],
] as SocketAttack['kind'][];

/** @param ackId under which a request that stays one is answered. */
export function makeSocketAttack(dice: Dice, ackId: number, offer: ValueOf<'join'> | undefined): SocketAttack {
  const [name, request] = someRequest(dice, offer);
  const kind = dice.pick<SocketAttack['kind']>(offer ? KINDS_IN_CALL : KINDS_OUTSIDE);
  switch (kind) {
    case 'request':
      return { kind, bytes: text(`42${ackId}${JSON.stringify([name, mutateJson(dice, request)])}`) };
    case 'contents':
      return { kind, bytes: text(`42${ackId}${JSON.stringify(plausibleRequest(dice, offer!))}`) };
    case 'order':
      return { kind, bytes: text(`42${ackId}${JSON.stringify([name, request])}`) };
    case 'packet':
      return { kind, bytes: brokenPacket(dice, ackId, name, request) };
    case 'frame':
      return { kind, bytes: brokenFrame(dice, Buffer.from(`42${ackId}${JSON.stringify([name, request])}`)) };
  }
}

function text(packet: string): Buffer {
  return encodeFrame({ opcode: OPCODE.text, payload: Buffer.from(packet) });
}

/** A whole WebSocket message that is no packet of socket.io, or one of the wrong kind. */
function brokenPacket(dice: Dice, ackId: number, name: RequestName, request: RequestOf<RequestName>): Buffer {
  const json = JSON.stringify([name, request]);
  return dice.pick([
    () => text(`${dice.pick(ENGINE_TYPES)}${dice.pick(PACKET_TYPES)}${ackId}${json}`),
    () => text(`42${json}`),
    () => text(`42${dice.pick(['99999999999999999999', '-1', '1.5', '1e9', '/admin,1', '/,2', ','])}${json}`),
    () => text(`42${ackId}${JSON.stringify(mutateJson(dice, [name, request]))}`),
    () => text(`45${dice.below(12)}-${ackId}${JSON.stringify([name, { _placeholder: true, num: dice.below(12) }])}`),
    () => text(`40${dice.pick(['/admin,', '/socket.io,', '', '{"token":1}', '[]', '{', '/?a=b,'])}`),
    () => text(`42${ackId}[${'['.repeat(dice.between(1, 8000))}`),
    () => text(`42${ackId}["${name}",{"a":"${'A'.repeat(dice.pick(BIG_BYTES))}"}]`),
    () => text(mutateBytes(dice, Buffer.from(`42${ackId}${json}`)).toString('latin1')),
    () => encodeFrame({ opcode: OPCODE.binary, payload: dice.bytes(dice.between(0, 200)) }),
  ])();
}

/** Bytes that break the WebSocket below. */
function brokenFrame(dice: Dice, payload: Buffer): Buffer {
  return dice.pick([
    () => encodeFrame({ opcode: OPCODE.text, payload, isMasked: false }),
    () => encodeFrame({ opcode: OPCODE.text, payload, reserved: dice.between(1, 7) }),
    () => encodeFrame({ opcode: dice.below(16), payload }),
    () => encodeFrame({ opcode: OPCODE.continuation, payload }),
    () => encodeFrame({ opcode: OPCODE.text, payload, isFinal: false }),
    () => encodeFrame({ opcode: OPCODE.text, payload, length: dice.pick([65_537, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) }),
    () => encodeFrame({ opcode: OPCODE.ping, payload: dice.bytes(dice.pick([0, 125, 126, 300])) }),
    () => encodeFrame({ opcode: OPCODE.close, payload: dice.bytes(dice.pick([0, 1, 2, 50])) }),
    () => encodeFrame({ opcode: OPCODE.text, payload: dice.bytes(100) }),
    () => mutateBytes(dice, encodeFrame({ opcode: OPCODE.text, payload })),
    () => dice.bytes(dice.between(1, 300)),
  ])();
}
