import type { Dice } from '../dice.ts';
import { edgeOfWidth, mutateBytes } from '../mutate-bytes.ts';
import { closeSlot, encode, frame, HELLO, openSlot, ping, type WireMessage } from './messages.ts';

/** How far into a connection's life the mutation strikes. */
export type Stage = 'new' | 'greeted' | 'slotted';

export interface LinkView {
  readonly stage: Stage;
  /** What the attacker's slot is, or could be. */
  readonly slot: number;
  /** Tick that is due next. */
  readonly tick: number;
}

const LENGTH_EDGES = [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

export function someStage(dice: Dice): Stage {
  return dice.pick(['new', 'greeted', 'slotted', 'slotted', 'slotted']);
}

/** @returns a sequence of one to four messages, at least one of them mutated, cut into writes at random. */
export function makeLinkAttack(dice: Dice, view: LinkView): Buffer[] {
  const count = dice.between(1, 4);
  const mutatedAt = dice.below(count);
  const parts: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const message = someMessage(dice, view);
    parts.push(i === mutatedAt ? mutate(dice, message) : encode(message));
  }
  if (dice.chance(0.1)) parts.push(parts[dice.below(parts.length)]!);
  return cut(dice, Buffer.concat(parts));
}

/** Mostly what fits the stage; now and then what is out of order or another's. */
function someMessage(dice: Dice, { stage, slot, tick }: LinkView): WireMessage {
  if (stage === 'new' && dice.chance(0.8)) return HELLO;
  if (dice.chance(0.03)) return HELLO;
  const ofSlot = dice.chance(0.8) ? slot : dice.below(12);
  const atTick = Math.max(0, tick + (dice.chance(0.8) ? dice.between(1, 8) : dice.between(-4, 12)));
  return dice.pick([
    () => frame(dice, ofSlot, atTick),
    () => frame(dice, ofSlot, atTick),
    () => frame(dice, ofSlot, atTick),
    () => openSlot(dice),
    () => closeSlot(ofSlot),
    () => ping(dice.below(1000)),
  ])();
}

function mutate(dice: Dice, message: WireMessage): Buffer {
  const { fields } = message;
  const at = dice.below(fields.length);
  const withField = (...replacement: Buffer[]) =>
    encode({ ...message, fields: fields.toSpliced(at, 1, ...replacement) });
  // Most keep the message's form, so that what lies behind the parser is reached too.
  return dice.pick([
    () => withField(edgeOfWidth(dice, fields[at]!.length)),
    () => withField(edgeOfWidth(dice, fields[at]!.length)),
    () => withField(edgeOfWidth(dice, fields[at]!.length)),
    () => withField(dice.bytes(fields[at]!.length)),
    () => withField(overwritten(dice, fields[at]!)),
    () => withField(overwritten(dice, fields[at]!)),
    () => withField(fields[at]!.length === 0 ? dice.bytes(4) : mutateBytes(dice, fields[at]!)),
    () => withField(),
    () => withField(fields[at]!, fields[at]!),
    () => encode({ ...message, fields: fields.toReversed() }),
    () => encode({ ...message, code: dice.below(256) }),
    () => encode(message, dice.pick(LENGTH_EDGES)),
    () => encode(message, Math.max(0, Buffer.concat(fields).length + 1 + dice.between(-8, 8))),
    () => mutateBytes(dice, encode(message)),
    () => mutateBytes(dice, encode(message)),
    () => dice.bytes(dice.between(1, 300)),
    () => Buffer.from(dice.pick(['GET / HTTP/1.1\r\n\r\n', '{"type":"hello"}\n', '\u0000'.repeat(64)])),
  ])();
}

/** A number on the edge of its type somewhere in the field: one sample, one code, one letter. */
function overwritten(dice: Dice, field: Buffer): Buffer {
  const edge = edgeOfWidth(dice, dice.pick([1, 4]));
  if (field.length < edge.length) return edgeOfWidth(dice, field.length);
  const copy = Buffer.from(field);
  copy.set(edge, edge.length * dice.below(Math.floor(field.length / edge.length)));
  return copy;
}

/** A stream has no edges: messages may come in any pieces. */
function cut(dice: Dice, bytes: Buffer): Buffer[] {
  if (dice.chance(0.5)) return [bytes];
  const writes: Buffer[] = [];
  let from = 0;
  while (from < bytes.length && writes.length < 6) {
    const to = Math.min(bytes.length, from + dice.pick([1, 3, 5, 17, 300, 4000]));
    writes.push(bytes.subarray(from, to));
    from = to;
  }
  writes.push(bytes.subarray(from));
  return writes;
}
