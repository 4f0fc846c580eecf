import { Device } from 'mediasoup-client';
import type { Consumer, Producer, Transport } from 'mediasoup-client/types';
import type { MediaOffer } from '../signaling/index.ts';
import type { CallSignaling } from './call-signaling.ts';
import { asCallError, CallError } from './errors.ts';
import { type PlayoutCounters, readPlayoutCounters, readRoundTripMs } from './latency.ts';

// Mono, with forward error correction, and packets without pause: the server's frame clock lives on a steady 50 a
// second. The model hears 24 kHz, so nothing above 12 kHz is coded; 32 kbit/s leaves room for the correction.
const MICROPHONE_CODEC = {
  opusStereo: false,
  opusFec: true,
  opusDtx: false,
  opusPtime: 20,
  opusMaxPlaybackRate: 24_000,
  opusMaxAverageBitrate: 32_000,
} as const;

/** What the two transports and the playout measured of themselves. */
export interface MediaReading {
  /** Of the stream that the counters belong to. */
  readonly consumerId: string;
  readonly roundTripsMs: readonly [up: number, down: number];
  readonly playout: PlayoutCounters;
}

type MediaListener = {
  /** The sound that arrives, for a meter. */
  heard(track: MediaStreamTrack): void;
  /** Neither side reaches the other any more. */
  failed(): void;
  /** The browser wants a click before it plays. */
  blocked(error: CallError): void;
};

/** The two WebRTC transports of a call, the microphone's stream on one and the model's on the other. */
export class CallMedia {
  readonly #signaling: CallSignaling;
  readonly #listener: MediaListener;
  // Chromium plays a remote track only through an element; a meter alone would stay silent.
  readonly #audio = new Audio();
  #device: Device | undefined;
  #transports: { send: Transport; recv: Transport } | undefined;
  #producer: Producer | undefined;
  #consumer: Consumer | undefined;

  constructor(signaling: CallSignaling, listener: MediaListener) {
    this.#signaling = signaling;
    this.#listener = listener;
    this.#audio.autoplay = true;
  }

  /**
   * Opens both transports as the server offers them, closing those before.
   *
   * @throws CallError `BROWSER_UNSUPPORTED`, or what the server answered.
   */
  async open(offer: MediaOffer, track: MediaStreamTrack): Promise<void> {
    this.closeTransports();
    const device = await this.#loadDevice(offer);
    const { iceServers } = offer;
    const send = device.createSendTransport({ ...offer.sendTransport, iceServers } as never);
    const recv = device.createRecvTransport({ ...offer.recvTransport, iceServers } as never);
    this.#transports = { send, recv };
    for (const transport of [send, recv]) this.#watch(transport);
    send.on('produce', ({ rtpParameters }, done, failed) => {
      this.#signaling
        .request('produce', { transportId: send.id, rtpParameters: rtpParameters as never })
        .then(({ producerId }) => done({ id: producerId }), failed);
    });
    await Promise.all([this.#produce(send, track), this.#consume(recv, device)]);
  }

  /** @throws CallError `NO_MICROPHONE` where the browser refuses the track. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    await this.#producer?.replaceTrack({ track }).catch((error) => {
      throw asCallError(error, 'NO_MICROPHONE');
    });
  }

  /** Starts the sound after the browser refused to; call it from a click. */
  async play(): Promise<void> {
    await this.#audio.play().catch((error) => {
      // Replaced while it was starting: the newer stream's own play() decides.
      if (error instanceof DOMException && error.name === 'AbortError') return;
      this.#listener.blocked(new CallError('PLAYBACK_BLOCKED', 'the browser wants a click', { cause: error }));
    });
  }

  /** @returns undefined until both transports have measured a round trip. */
  async read(): Promise<MediaReading | undefined> {
    const consumer = this.#consumer;
    const transports = this.#transports;
    if (!consumer || consumer.closed || !transports) return undefined;
    const [send, recv, receiver] = await Promise.all([
      transports.send.getStats(),
      transports.recv.getStats(),
      consumer.getStats(),
    ]);
    const up = readRoundTripMs(send.values());
    const down = readRoundTripMs(recv.values());
    if (up === undefined || down === undefined) return undefined;
    // Playout is reported for the whole connection, not for one receiver.
    const playout = readPlayoutCounters([...recv.values(), ...receiver.values()]);
    return { consumerId: consumer.id, roundTripsMs: [up, down], playout };
  }

  closeTransports(): void {
    this.#transports?.send.close();
    this.#transports?.recv.close();
    this.#transports = undefined;
    this.#producer = undefined;
    this.#consumer = undefined;
  }

  close(): void {
    this.closeTransports();
    this.#audio.srcObject = null;
  }

  async #loadDevice(offer: MediaOffer): Promise<Device> {
    if (this.#device) return this.#device;
    try {
      const device = await Device.factory();
      await device.load({ routerRtpCapabilities: offer.routerRtpCapabilities as never });
      this.#device = device;
      return device;
    } catch (error) {
      throw asCallError(error, 'BROWSER_UNSUPPORTED');
    }
  }

  #watch(transport: Transport): void {
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      const request = { transportId: transport.id, dtlsParameters: dtlsParameters as never };
      this.#signaling.request('transport:connect', request).then(() => done(), failed);
    });
    transport.on('connectionstatechange', (state) => {
      if (state === 'failed') this.#listener.failed();
    });
  }

  async #produce(send: Transport, track: MediaStreamTrack): Promise<void> {
    // The track outlives its transport: after a loss the same one goes on over the next.
    this.#producer = await send.produce({ track, stopTracks: false, codecOptions: MICROPHONE_CODEC });
  }

  async #consume(recv: Transport, device: Device): Promise<void> {
    const offered = await this.#signaling.request('consume', { rtpCapabilities: device.recvRtpCapabilities as never });
    const consumer = await recv.consume({
      id: offered.consumerId,
      producerId: offered.producerId,
      kind: 'audio',
      rtpParameters: offered.rtpParameters as never,
    });
    this.#consumer = consumer;
    // The smallest buffer that the network allows; the browser still grows it where packets come unevenly.
    if (consumer.rtpReceiver && 'jitterBufferTarget' in consumer.rtpReceiver) {
      consumer.rtpReceiver.jitterBufferTarget = 0;
    }
    this.#audio.srcObject = new MediaStream([consumer.track]);
    this.#listener.heard(consumer.track);
    // Not awaited: play() settles with the first sound, which may be seconds away.
    void this.play();
  }
}
