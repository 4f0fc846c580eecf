import { setTimeout as sleep } from 'node:timers/promises';
import { connectWorker, FRAME_SAMPLES, type Reply, type WorkerLink } from '../../../../inference/index.ts';
import type { Neighbour } from '../trial.ts';

/** Sent well before their ticks, so that this process's own business cannot make frames late. */
const LEAD_TICKS = 4;
const LAST_REPLY_WITHIN_MS = 1000;
/** Ticks that a worker on a busy machine may skip and count, as its protocol says. */
const SKIPPED_SHARE_MAX = 0.1;

/** A call over the worker link to a loopback engine that must not notice what others do to the worker. */
export class LinkNeighbour implements Neighbour {
  readonly link: WorkerLink;
  readonly #sent = new Map<number, Float32Array>();
  readonly #replies = new Map<number, Reply[]>();
  /** Ticks that the worker reported: the others it skipped. */
  readonly #ticked = new Set<number>();
  #isStopped = false;
  #speaking: Promise<void> | undefined;

  private constructor(link: WorkerLink) {
    this.link = link;
  }

  static async connect(socketPath: string): Promise<LinkNeighbour> {
    const neighbour = new LinkNeighbour(await connectWorker(socketPath));
    await neighbour.#open();
    return neighbour;
  }

  /** @returns a line for each tick that was stepped and whose reply is missing, doubled, or not what was sent. */
  async finish(): Promise<string[]> {
    this.#isStopped = true;
    await this.#speaking;
    await sleep(LAST_REPLY_WITHIN_MS);
    await this.link.close();
    const harms = [...this.#sent].flatMap(([tick, pcm]) => this.#harmOf(tick, pcm) ?? []);
    const skippedCount = [...this.#sent.keys()].filter((tick) => !this.#ticked.has(tick)).length;
    if (skippedCount > this.#sent.size * SKIPPED_SHARE_MAX) harms.push(`${skippedCount} ticks were skipped`);
    return harms;
  }

  async #open(): Promise<void> {
    this.link.on('tick', ({ tickIndex }) => this.#ticked.add(tickIndex));
    const slot = await this.link.openSlot({ seed: 1n });
    slot.on('reply', (reply) => {
      this.#replies.set(reply.tickIndex, [...(this.#replies.get(reply.tickIndex) ?? []), reply]);
    });
    this.#speaking = this.#speak((tick, pcm) => slot.sendFrame(tick, pcm));
  }

  async #speak(sendFrame: (tick: number, pcm: Float32Array) => void): Promise<void> {
    const { clock } = this.link;
    let tick = clock.nextTick(performance.now()).index + LEAD_TICKS;
    for (; !this.#isStopped; tick++) {
      const pcm = Float32Array.from({ length: FRAME_SAMPLES }, (_, i) => Math.sin(tick + i / 7) / 2);
      this.#sent.set(tick, pcm);
      sendFrame(tick, pcm);
      await sleep(Math.max(0, clock.atMs(tick + 1 - LEAD_TICKS) - performance.now()));
    }
  }

  #harmOf(tick: number, sent: Float32Array): string | undefined {
    const [reply, second] = this.#replies.get(tick) ?? [];
    if (!reply && !this.#ticked.has(tick)) return undefined;
    if (!reply) return `tick ${tick}: no reply`;
    if (second) return `tick ${tick}: two replies`;
    if (reply.isDeficit) return `tick ${tick}: stepped without its frame`;
    const isSame = Buffer.compare(Buffer.from(reply.pcm.buffer), Buffer.from(sent.buffer)) === 0;
    return isSame ? undefined : `tick ${tick}: other bits than were sent`;
  }
}
