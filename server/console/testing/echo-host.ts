import { createWorker, type types } from 'mediasoup';
import type {
  CallHost,
  CallObserver,
  MediaOffer,
  PlacedCall,
  SignalingError,
  TransportOffer,
} from '../../../signaling/index.ts';

const LISTEN_INFO = { protocol: 'udp', ip: '127.0.0.1' } as const;
const OPUS = {
  kind: 'audio',
  mimeType: 'audio/opus',
  clockRate: 48_000,
  channels: 2,
  preferredPayloadType: 100,
} as const;

const ECHO_SSRC = 0x0ec0_0ec0;
/** So late that caller and echo take turns, as in a conversation. */
const ECHO_AFTER_MS = 2_600;

interface EchoMedia {
  readonly send: types.WebRtcTransport;
  readonly recv: types.WebRtcTransport;
  readonly direct: types.DirectTransport;
  /** What the caller hears. */
  readonly echo: types.Producer;
}

/**
 * A host of calls without a model: each caller hears their own stream, later. A test says what the model would
 * say, and what goes wrong, at the moment it wants.
 */
export class EchoHost implements CallHost {
  /** Answered to every `join` while it is set. */
  refusal: SignalingError | undefined;
  /** While true, `join` waits. */
  isSlow = false;
  engine = { name: 'moshi', isUntrained: false, checkpointHash: '' };
  /** Of the latest call; undefined before the first. */
  observer: CallObserver | undefined;
  readonly #worker: types.Worker;
  readonly #router: types.Router;
  #media: EchoMedia | undefined;

  private constructor(worker: types.Worker, router: types.Router) {
    this.#worker = worker;
    this.#router = router;
  }

  static async create(workerBin: string): Promise<EchoHost> {
    const worker = await createWorker({ workerBin, logLevel: 'error' });
    return new EchoHost(worker, await worker.createRouter({ mediaCodecs: [OPUS] }));
  }

  async placeCall(observer: CallObserver): Promise<PlacedCall> {
    while (this.isSlow) await new Promise((resolve) => setTimeout(resolve, 20));
    if (this.refusal) throw this.refusal;
    this.observer = observer;
    const offer = await this.#openMedia(observer);
    const media = () => this.#media as EchoMedia;
    return {
      offer: { ...offer, callId: 'echo', engine: this.engine },
      connectTransport: async ({ transportId, dtlsParameters }) => {
        const transport = [media().send, media().recv].find(({ id }) => id === transportId);
        await transport?.connect({ dtlsParameters: dtlsParameters as types.DtlsParameters });
      },
      produce: async ({ rtpParameters }) => {
        const producer = await media().send.produce({ kind: 'audio', rtpParameters: rtpParameters as never });
        await this.#startEcho(producer);
        return { producerId: producer.id };
      },
      consume: async ({ rtpCapabilities }) => {
        const producerId = media().echo.id;
        const consumer = await media().recv.consume({ producerId, rtpCapabilities: rtpCapabilities as never });
        return { consumerId: consumer.id, producerId, rtpParameters: consumer.rtpParameters as never };
      },
      reopenMedia: () => this.#openMedia(observer),
      close: async () => this.#closeMedia(),
    };
  }

  /** Takes the transports away, as the death of mediasoup's worker does; the client has to rejoin. */
  loseMedia(): void {
    this.#closeMedia();
    this.observer?.mediaLost();
  }

  close(): void {
    this.#worker.close();
  }

  async #openMedia(observer: CallObserver): Promise<MediaOffer> {
    this.#closeMedia();
    const open = () => this.#router.createWebRtcTransport({ listenInfos: [LISTEN_INFO] });
    const direct = await this.#router.createDirectTransport();
    const echo = await direct.produce({
      kind: 'audio',
      rtpParameters: {
        codecs: [{ mimeType: OPUS.mimeType, payloadType: OPUS.preferredPayloadType, clockRate: 48_000, channels: 2 }],
        encodings: [{ ssrc: ECHO_SSRC }],
      },
    });
    const media = { send: await open(), recv: await open(), direct, echo };
    this.#media = media;
    const connected = new Set<string>();
    for (const transport of [media.send, media.recv]) {
      transport.on('dtlsstatechange', (state) => {
        if (state === 'connected') connected.add(transport.id);
        if (connected.size === 2 && this.#media === media) observer.mediaConnected();
      });
    }
    return {
      routerRtpCapabilities: this.#router.rtpCapabilities as never,
      sendTransport: offerOf(media.send),
      recvTransport: offerOf(media.recv),
      iceServers: [],
    };
  }

  async #startEcho(producer: types.Producer): Promise<void> {
    const { direct, echo } = this.#media as EchoMedia;
    const ear = await direct.consume({ producerId: producer.id, rtpCapabilities: this.#router.rtpCapabilities });
    ear.on('rtp', (packet) => {
      const later = Buffer.from(packet);
      later[1] = ((later[1] ?? 0) & 0x80) | OPUS.preferredPayloadType;
      later.writeUInt32BE(ECHO_SSRC, 8);
      setTimeout(() => !echo.closed && echo.send(later), ECHO_AFTER_MS).unref();
    });
  }

  #closeMedia(): void {
    this.#media?.direct.close();
    this.#media?.send.close();
    this.#media?.recv.close();
    this.#media = undefined;
  }
}

function offerOf({ id, iceParameters, iceCandidates, dtlsParameters }: types.WebRtcTransport): TransportOffer {
  return { id, iceParameters, iceCandidates, dtlsParameters } as TransportOffer;
}
