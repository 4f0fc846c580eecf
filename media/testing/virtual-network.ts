import { PACKET_MS } from '../audio.ts';
import type { RtpPacket } from '../rtp/rtp-packet.ts';
import { RtpTimestamp, SequenceNumber } from '../rtp/wrapping.ts';
import { seededRandom } from './seeded-random.ts';

export interface NetworkOptions {
  readonly seed?: number;
  /** How much faster the caller's clock runs than ours. */
  readonly driftPpm?: number;
  /** Delays are uniform in [0, jitterMs]. */
  readonly jitterMs?: number;
  readonly lossPercent?: number;
  readonly duplicatePercent?: number;
  /** When the caller's first packet leaves. */
  readonly startMs?: number;
  readonly firstSequence?: number;
  readonly firstTimestamp?: number;
  readonly packetMs?: number;
}

export interface Arrival {
  readonly packet: RtpPacket;
  readonly atMs: number;
  readonly packetIndex: number;
}

const CLOCK_RATE_HZ = 48_000;

/**
 * A caller behind a network, on virtual time: packets in the order in which they arrive.
 *
 * @param payloadAt the payload of the packet with this index, or undefined where the caller sends none (DTX).
 */
export function* virtualNetwork(
  packetCount: number,
  payloadAt: (packetIndex: number) => Uint8Array | undefined,
  options: NetworkOptions = {},
): Generator<Arrival> {
  const random = seededRandom(options.seed ?? 1);
  const packetMs = options.packetMs ?? PACKET_MS;
  const jitterMs = options.jitterMs ?? 1;
  const waiting: Arrival[] = [];
  let sent = 0;
  for (let packetIndex = 0; packetIndex < packetCount; packetIndex += 1) {
    const sentMs = sentAtMs(packetIndex, options);
    while (waiting.length > 0 && waiting[0]!.atMs <= sentMs) yield waiting.shift()!;
    const payload = payloadAt(packetIndex);
    if (payload === undefined) continue;
    const packet: RtpPacket = {
      payloadType: 111,
      isMarked: false,
      sequence: new SequenceNumber((options.firstSequence ?? 1000) + sent),
      timestamp: new RtpTimestamp(options.firstTimestamp ?? 5000, CLOCK_RATE_HZ).plusMs(packetIndex * packetMs),
      ssrc: 77,
      payload,
    };
    sent += 1;
    const copies = random() * 100 < (options.duplicatePercent ?? 0) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const isLost = random() * 100 < (options.lossPercent ?? 0);
      const atMs = sentMs + random() * jitterMs;
      if (!isLost) waiting.push({ packet, atMs, packetIndex });
    }
    waiting.sort((a, b) => a.atMs - b.atMs);
  }
  yield* waiting;
}

/** When a packet is complete and leaves the caller, by our clock. */
function sentAtMs(packetIndex: number, options: NetworkOptions): number {
  const packetMs = options.packetMs ?? PACKET_MS;
  return (options.startMs ?? 0) + ((packetIndex + 1) * packetMs) / (1 + (options.driftPpm ?? 0) * 1e-6);
}
