import {
  InferenceError,
  type Reply,
  type SlotCloseReason,
  type WorkerLink,
  type WorkerSlot,
} from '../../inference/index.ts';
import type { JoinParams, MediaCall, MediaNode } from '../../media/index.ts';
import type { Logger } from '../log.ts';
import type { Notify } from './rpc-service.ts';
import { SlotPeer } from './slot-peer.ts';

const LEVEL_DBFS_MIN = -90;
const LEVEL_DBFS_MAX = 6;

export interface HostedCallOptions {
  readonly callId: string;
  readonly seed: bigint;
  readonly notify: Notify;
  readonly logger: Logger;
}

/** One call in the media process: its media and the slot that answers it. */
export class HostedCall {
  readonly #options: HostedCallOptions;
  readonly #media: MediaCall;
  #slot: WorkerSlot | undefined;
  #stepCount = 0;
  #isClosed = false;

  private constructor(options: HostedCallOptions, media: MediaCall) {
    this.#options = options;
    this.#media = media;
    const { callId, notify, logger } = options;
    media.on('connected', () => notify('mediaConnected', { callId }));
    media.on('interrupted', () => notify('mediaLost', { callId }));
    media.on('disconnected', () => notify('mediaLost', { callId }));
    media.on('failed', (error) => logger.error({ callId, err: error }, 'the media of a call failed'));
    media.on('closed', (reason) => {
      if (!this.#isClosed) notify('callFailed', { callId, code: reason === 'defect' ? 'INTERNAL' : 'MEDIA_LOST' });
    });
    media.on('peerFailed', (error) => logger.warn({ callId, err: error }, 'a frame could not be handed to the engine'));
  }

  /**
   * Reserves a slot before anything else is opened.
   * @throws {InferenceError} `SLOTS_FULL`, `LINK_CLOSED`; {MediaError} as `MediaNode.createCall`
   */
  static async open(node: MediaNode, link: WorkerLink, options: HostedCallOptions): Promise<HostedCall> {
    const slot = await link.openSlot({ seed: options.seed });
    let isLost = false;
    slot.once('closed', () => {
      isLost = true;
    });
    try {
      const media = await node.createCall({ id: options.callId, framePeer: new SlotPeer(link.clock, slot) });
      if (isLost) {
        await media.close('client-left');
        throw new InferenceError('LINK_CLOSED', 'the worker ended while the call was being opened');
      }
      const call = new HostedCall(options, media);
      call.#listen(slot);
      return call;
    } catch (error) {
      await slot.close();
      throw error;
    }
  }

  get media(): MediaCall {
    return this.#media;
  }

  /** True while no slot answers. */
  get isUnanswered(): boolean {
    return this.#slot === undefined;
  }

  join(): JoinParams {
    return this.#media.join();
  }

  /** Takes a fresh slot of a worker that was started again; its model begins anew. */
  async moveTo(link: WorkerLink): Promise<void> {
    const { callId, seed, notify, logger } = this.#options;
    try {
      const slot = await link.openSlot({ seed });
      if (this.#isClosed) {
        await slot.close();
        return;
      }
      this.#listen(slot);
      this.#media.setFramePeer(new SlotPeer(link.clock, slot));
      notify('engineRestored', { callId });
    } catch (error) {
      logger.warn({ callId, err: error }, 'no fresh slot for a call whose worker ended');
      notify('callFailed', { callId, code: 'ENGINE_LOST' });
    }
  }

  tellLevels(): void {
    const { input, output } = this.#media.stats();
    const { callId, notify } = this.#options;
    notify('levels', { callId, callerDbfs: clampLevel(input.levelDbfs), assistantDbfs: clampLevel(output.levelDbfs) });
  }

  tellLatency(): void {
    const { latency } = this.#media.stats();
    // Before the first frame there is nothing to tell.
    if (!latency) return;
    const { bufferMs, tickWaitMs, replyMs, pacingMs } = latency;
    const { callId, notify } = this.#options;
    const atLeast0 = (ms: number) => Math.max(0, ms);
    notify('latency', {
      callId,
      bufferMs: atLeast0(bufferMs),
      tickWaitMs: atLeast0(tickWaitMs),
      stepMs: atLeast0(replyMs),
      pacingMs: atLeast0(pacingMs),
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { callId, logger } = this.#options;
    // What the network did to the call, for whoever looks into a complaint: counters only.
    logger.info({ callId, stats: this.#media.stats() }, 'call media ended');
    await Promise.all([this.#media.close('client-left'), this.#slot?.close()]);
  }

  #listen(slot: WorkerSlot): void {
    const { callId, logger } = this.#options;
    this.#slot = slot;
    slot.on('reply', (reply) => this.#hear(reply));
    slot.on('fault', (code) => logger.warn({ callId, code }, 'the engine refused a frame'));
    slot.on('closed', (reason) => this.#loseSlot(slot, reason));
  }

  #hear(reply: Reply): void {
    if (this.#isClosed) return;
    const { callId, notify, logger } = this.#options;
    try {
      this.#media.handleReply(reply.tickIndex, reply.pcm);
    } catch (error) {
      logger.error({ callId, err: error }, 'a reply of the engine could not be played');
      notify('callFailed', { callId, code: 'ENGINE_FAULT' });
    }
    const tickIndex = this.#stepCount++;
    if (reply.text !== '') notify('text', { callId, tickIndex, text: reply.text });
    if (reply.transcript) notify('heard', { callId, tickIndex, text: reply.transcript });
  }

  #loseSlot(slot: WorkerSlot, reason: SlotCloseReason): void {
    if (this.#isClosed || this.#slot !== slot) return;
    const { callId, notify } = this.#options;
    this.#slot = undefined;
    this.#media.setFramePeer(undefined);
    if (reason === 'link-closed') notify('engineLost', { callId });
    else notify('callFailed', { callId, code: reason === 'not-finite' ? 'ENGINE_FAULT' : 'INTERNAL' });
  }
}

function clampLevel(dbfs: number): number {
  if (Number.isNaN(dbfs)) return LEVEL_DBFS_MIN;
  return Math.min(LEVEL_DBFS_MAX, Math.max(LEVEL_DBFS_MIN, dbfs));
}
