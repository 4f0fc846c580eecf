import { EventEmitter } from 'node:events';
import type { types } from 'mediasoup';
import { MediaError } from '../errors.ts';
import type { ConsumerParams, JoinParams, TransportParams } from './media-node-options.ts';
import type { MediaRouter } from './media-router.ts';

/** The peer's voice is one stream of Opus for as long as the transports live. */
const PEER_PAYLOAD_TYPE = 111;
const OPUS_MIME_TYPE = 'audio/opus';

export type CallTransportsEvents = {
  /** One RTP packet of the caller, header included; valid during the event only. */
  packet: [packet: Buffer];
  /** Both directions are up. */
  connected: [];
  /** ICE or DTLS was lost in one of them. */
  disconnected: [];
};

/**
 * What one call has in mediasoup while its process lives: a WebRTC transport each way, and RTP in and out of this
 * process. A new process means new transports.
 */
export class CallTransports extends EventEmitter<CallTransportsEvents> {
  readonly #router: MediaRouter;
  readonly #send: types.WebRtcTransport;
  readonly #recv: types.WebRtcTransport;
  readonly #direct: types.DirectTransport;
  readonly #peerProducer: types.Producer;
  readonly #connected = new Set<string>();
  #callerProducer: types.Producer | undefined;
  #consumer: types.Consumer | undefined;

  private constructor(
    router: MediaRouter,
    send: types.WebRtcTransport,
    recv: types.WebRtcTransport,
    direct: types.DirectTransport,
    peerProducer: types.Producer,
  ) {
    super();
    this.#router = router;
    this.#send = send;
    this.#recv = recv;
    this.#direct = direct;
    this.#peerProducer = peerProducer;
    for (const transport of [send, recv]) this.#watch(transport);
  }

  /**
   * @param peerSsrc of the packets that `sendPacket` will be given.
   * @throws MediaError `MEDIA_WORKER_UNAVAILABLE`
   */
  static async create(router: MediaRouter, peerSsrc: number): Promise<CallTransports> {
    const made: types.Transport[] = [];
    try {
      const asked = [
        router.createWebRtcTransport(),
        router.createWebRtcTransport(),
        router.createDirectTransport(),
      ] as const;
      // All of them, before one that failed is told: those that are still being made have to be closed as well.
      for (const one of await Promise.allSettled(asked)) if (one.status === 'fulfilled') made.push(one.value);
      const [send, recv, direct] = await Promise.all(asked);
      const peerProducer = await direct.produce({ kind: 'audio', rtpParameters: peerRtpParameters(peerSsrc) });
      return new CallTransports(router, send, recv, direct, peerProducer);
    } catch (cause) {
      for (const transport of made) transport.close();
      throw asMediaError(cause, 'MEDIA_WORKER_UNAVAILABLE');
    }
  }

  /** True once both transports are connected. */
  get isConnected(): boolean {
    return this.#connected.size === 2;
  }

  join(): JoinParams {
    return {
      routerRtpCapabilities: this.#router.rtpCapabilities,
      sendTransport: transportParams(this.#send),
      recvTransport: transportParams(this.#recv),
    };
  }

  /** @throws MediaError `TRANSPORT_UNKNOWN`, `TRANSPORT_REFUSED` */
  async connect(transportId: string, dtlsParameters: types.DtlsParameters): Promise<void> {
    try {
      await this.#transport(transportId).connect({ dtlsParameters });
    } catch (cause) {
      throw asMediaError(cause, 'TRANSPORT_REFUSED');
    }
  }

  /** Takes the caller's microphone. @throws MediaError `TRANSPORT_UNKNOWN`, `PRODUCE_REFUSED` */
  async produce(transportId: string, rtpParameters: types.RtpParameters): Promise<{ producerId: string }> {
    if (transportId !== this.#send.id) throw new MediaError('TRANSPORT_UNKNOWN', `${transportId} takes no microphone`);
    if (this.#callerProducer) throw new MediaError('PRODUCE_REFUSED', 'the call has a microphone already');
    let producer: types.Producer | undefined;
    try {
      producer = keptBy(this.#send, await this.#send.produce({ kind: 'audio', rtpParameters }));
      this.#callerProducer = producer;
      const { rtpCapabilities } = this.#router;
      const consumer = keptBy(this.#direct, await this.#direct.consume({ producerId: producer.id, rtpCapabilities }));
      consumer.on('rtp', (packet) => this.emit('packet', packet));
      return { producerId: producer.id };
    } catch (cause) {
      producer?.close();
      this.#callerProducer = undefined;
      throw asMediaError(cause, 'PRODUCE_REFUSED');
    }
  }

  /** Gives the caller the peer's voice; packets flow at once. @throws MediaError `CONSUME_REFUSED` */
  async consume(rtpCapabilities: types.RtpCapabilities): Promise<ConsumerParams> {
    if (this.#consumer) throw new MediaError('CONSUME_REFUSED', 'the call is listened to already');
    const producerId = this.#peerProducer.id;
    try {
      if (!this.#router.canConsume(producerId, rtpCapabilities)) throw new Error('no audio/opus in the capabilities');
      const consumer = keptBy(this.#recv, await this.#recv.consume({ producerId, rtpCapabilities }));
      this.#consumer = consumer;
      return { id: consumer.id, producerId, kind: 'audio', rtpParameters: consumer.rtpParameters };
    } catch (cause) {
      throw asMediaError(cause, 'CONSUME_REFUSED');
    }
  }

  /** @param packet one RTP packet of the peer, header included; copied during the call. */
  sendPacket(packet: Buffer): void {
    if (!this.#peerProducer.closed) this.#peerProducer.send(packet);
  }

  close(): void {
    for (const transport of [this.#send, this.#recv, this.#direct]) transport.close();
    this.removeAllListeners();
  }

  #transport(id: string): types.WebRtcTransport {
    const transport = [this.#send, this.#recv].find((candidate) => candidate.id === id);
    if (!transport) throw new MediaError('TRANSPORT_UNKNOWN', id);
    return transport;
  }

  #watch(transport: types.WebRtcTransport): void {
    transport.on('dtlsstatechange', (state) => {
      if (state === 'connected') this.#setConnected(transport.id, true);
      else if (state === 'failed' || state === 'closed') this.#setConnected(transport.id, false);
    });
    transport.on('icestatechange', (state) => {
      if (state === 'disconnected' || state === 'closed') this.#setConnected(transport.id, false);
      // Where ICE found a way again, the keys are still good.
      else if (state === 'completed' && transport.dtlsState === 'connected') this.#setConnected(transport.id, true);
    });
  }

  #setConnected(transportId: string, isConnected: boolean): void {
    const before = this.isConnected;
    if (isConnected) this.#connected.add(transportId);
    else this.#connected.delete(transportId);
    if (this.isConnected !== before) this.emit(before ? 'disconnected' : 'connected');
  }
}

/**
 * Closes what mediasoup made for a transport that was closed while it was asked: the transport no longer does it, and
 * mediasoup would keep it for good.
 *
 * @throws MediaError `CALL_CLOSED`
 */
function keptBy<Made extends { close(): void }>(transport: types.Transport, made: Made): Made {
  if (!transport.closed) return made;
  made.close();
  throw new MediaError('CALL_CLOSED', 'while its transports were being used');
}

function peerRtpParameters(ssrc: number): types.RtpParameters {
  return {
    codecs: [
      {
        mimeType: OPUS_MIME_TYPE,
        payloadType: PEER_PAYLOAD_TYPE,
        clockRate: 48_000,
        channels: 2,
        parameters: { useinbandfec: 1, minptime: 10 },
      },
    ],
    encodings: [{ ssrc, dtx: false }],
    rtcp: { cname: 'parley' },
  };
}

function transportParams({ id, iceParameters, iceCandidates, dtlsParameters }: types.WebRtcTransport): TransportParams {
  return { id, iceParameters, iceCandidates, dtlsParameters };
}

/** mediasoup refuses with errors of its own, of many kinds: the caller gets one code for the step that failed. */
function asMediaError(cause: unknown, code: ConstructorParameters<typeof MediaError>[0]): MediaError {
  return cause instanceof MediaError
    ? cause
    : new MediaError(code, cause instanceof Error ? cause.message : String(cause), { cause });
}
