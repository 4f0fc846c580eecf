import { performance } from 'node:perf_hooks';
import wrtc from '@roamhq/wrtc';
import { Device } from 'mediasoup-client';
import type { Transport } from 'mediasoup-client/types';
import { io, type Socket } from 'socket.io-client';
import {
  type Answer,
  type ClientToServerEvents,
  type EventName,
  type EventOf,
  type MediaOffer,
  PROTOCOL_VERSION,
  type RequestName,
  type RequestOf,
  type ServerToClientEvents,
  type ValueOf,
} from '../../signaling/index.ts';

const { RTCAudioSink, RTCAudioSource } = wrtc.nonstandard;
type AudioSource = InstanceType<typeof RTCAudioSource>;
type AudioSink = InstanceType<typeof RTCAudioSink>;

// mediasoup-client takes these from the browser's globals.
Object.assign(globalThis, {
  RTCPeerConnection: wrtc.RTCPeerConnection,
  RTCSessionDescription: wrtc.RTCSessionDescription,
  MediaStream: wrtc.MediaStream,
  MediaStreamTrack: wrtc.MediaStreamTrack,
});

/** Rate at which this caller speaks and hears, in hertz. */
export const CALLER_RATE_HZ = 48_000;
const CHUNK_MS = 10;
const CHUNK_SAMPLES = (CALLER_RATE_HZ * CHUNK_MS) / 1000;
const ANSWER_MS_MAX = 15_000;
const KEPT_MS = 5_000;

/** One thing that the server told, and when (`performance.now()`). */
export interface HeardEvent {
  readonly name: EventName;
  readonly payload: unknown;
  readonly atMs: number;
}

/** A caller without a browser: libwebrtc itself, speaking a tone and keeping what it hears. */
export class WrtcCaller {
  readonly events: HeardEvent[] = [];
  readonly #socket: Socket<ServerToClientEvents, ClientToServerEvents>;
  readonly #source: AudioSource = new RTCAudioSource();
  readonly #track = this.#source.createTrack();
  readonly #stepRadians: number;
  readonly #amplitude: number;
  #heard: Float32Array[] = [];
  #rejoined: Promise<void> = Promise.resolve();
  #device: Device | undefined;
  #transports: Transport[] = [];
  #sink: AudioSink | undefined;
  #speaking: NodeJS.Timeout | undefined;
  #spokenChunks = 0;
  #phase = 0;

  /** @param toneHz what it speaks; @param amplitude of full scale. */
  constructor(url: string, { toneHz = 440, amplitude = 0.3 }: { toneHz?: number; amplitude?: number } = {}) {
    this.#stepRadians = (2 * Math.PI * toneHz) / CALLER_RATE_HZ;
    this.#amplitude = amplitude * 32_767;
    this.#socket = io(url, {
      transports: ['websocket'],
      reconnection: false,
      forceNew: true,
      rejectUnauthorized: false,
    });
    this.#socket.onAny((name: EventName, payload: unknown) => {
      this.events.push({ name, payload, atMs: performance.now() });
    });
    this.#socket.on('mediaLost', () => {
      this.#rejoined = this.#rejoined.then(() => this.#rejoin());
    });
  }

  /** Samples heard in the last 5 s or less, mono in [-1, 1] at CALLER_RATE_HZ. */
  get heard(): Float32Array {
    const joined = new Float32Array(this.#heard.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const chunk of this.#heard) {
      joined.set(chunk, offset);
      offset += chunk.length;
    }
    return joined;
  }

  get states(): string[] {
    return this.#payloadsOf('state').map(({ state }) => state);
  }

  get endings(): EventOf<'ended'>[] {
    return this.#payloadsOf('ended');
  }

  get faultCodes(): string[] {
    return this.#payloadsOf('fault').map(({ error }) => error.code);
  }

  forgetHeard(): void {
    this.#heard = [];
  }

  /** Joins and speaks; the call is live when `states` says so. @throws Error with the code of what was refused. */
  async place(): Promise<ValueOf<'join'>> {
    const offer = await this.request('join', { protocolVersion: PROTOCOL_VERSION });
    await this.#openMedia(offer);
    return offer;
  }

  /** @throws Error whose message is the code of what was refused. */
  async request<Name extends RequestName>(name: Name, request: RequestOf<Name>): Promise<ValueOf<Name>> {
    const answer = await this.ask(name, request);
    if (!answer.ok) throw new Error(answer.error.code);
    return answer.value as ValueOf<Name>;
  }

  /** Asks anything at all, in any form. */
  async ask(name: string, request: unknown): Promise<Answer<unknown>> {
    const socket = this.#socket.timeout(ANSWER_MS_MAX) as unknown as {
      emitWithAck(name: string, request: unknown): Promise<Answer<unknown>>;
    };
    return socket.emitWithAck(name, request);
  }

  /** Loses the transports, as a client whose network is gone; the signaling stays. */
  dropMedia(): void {
    this.#closeMedia();
  }

  close(): void {
    this.#closeMedia();
    this.#track.stop();
    this.#socket.disconnect();
  }

  #payloadsOf<Name extends EventName>(name: Name): EventOf<Name>[] {
    return this.events.filter((event) => event.name === name).map(({ payload }) => payload as EventOf<Name>);
  }

  async #rejoin(): Promise<void> {
    try {
      this.#closeMedia();
      await this.#openMedia(await this.request('rejoin', {}));
    } catch {
      // The server lost its media once more, or closed: the test sees it in the states.
    }
  }

  async #openMedia(offer: MediaOffer): Promise<void> {
    this.#device ??= await loadDevice(offer);
    const send = this.#device.createSendTransport({ ...offer.sendTransport } as never);
    const recv = this.#device.createRecvTransport({ ...offer.recvTransport } as never);
    this.#transports = [send, recv];
    for (const transport of this.#transports) {
      transport.on('connect', ({ dtlsParameters }, done, failed) => {
        const request = { transportId: transport.id, dtlsParameters: dtlsParameters as never };
        this.request('transport:connect', request).then(() => done(), failed);
      });
    }
    send.on('produce', ({ rtpParameters }, done, failed) => {
      this.request('produce', { transportId: send.id, rtpParameters: rtpParameters as never }).then(
        ({ producerId }) => done({ id: producerId }),
        failed,
      );
    });
    await send.produce({ track: this.#track as never, stopTracks: false });
    this.#speak();
    const rtpCapabilities = this.#device.recvRtpCapabilities as never;
    const { consumerId, producerId, rtpParameters } = await this.request('consume', { rtpCapabilities });
    const consumer = await recv.consume({
      id: consumerId,
      producerId,
      kind: 'audio',
      rtpParameters: rtpParameters as never,
    });
    this.#hear(consumer.track as never);
  }

  #closeMedia(): void {
    clearInterval(this.#speaking);
    this.#sink?.stop();
    for (const transport of this.#transports) transport.close();
    this.#transports = [];
  }

  /** Hands libwebrtc 10 ms at a time; a timer that came late is made up for, so that the rate holds. */
  #speak(): void {
    const beganMs = performance.now();
    this.#spokenChunks = 0;
    this.#speaking = setInterval(() => {
      const dueChunks = Math.floor((performance.now() - beganMs) / CHUNK_MS);
      while (this.#spokenChunks < dueChunks) {
        this.#spokenChunks += 1;
        this.#source.onData({
          samples: this.#nextChunk(),
          sampleRate: CALLER_RATE_HZ,
          bitsPerSample: 16,
          channelCount: 1,
          numberOfFrames: CHUNK_SAMPLES,
        });
      }
    }, CHUNK_MS);
  }

  #nextChunk(): Int16Array {
    return Int16Array.from({ length: CHUNK_SAMPLES }, () => {
      this.#phase += this.#stepRadians;
      return this.#amplitude * Math.sin(this.#phase);
    });
  }

  #hear(track: MediaStreamTrack): void {
    const sink: AudioSink = new RTCAudioSink(track);
    this.#sink = sink;
    sink.ondata = ({
      samples,
      channelCount = 1,
      sampleRate,
    }: {
      samples: Int16Array;
      channelCount?: number;
      sampleRate: number;
    }) => {
      if (sampleRate !== CALLER_RATE_HZ) return; // libwebrtc begins at another rate, before the first packet.
      const mono = new Float32Array(samples.length / channelCount);
      for (let i = 0; i < mono.length; i += 1) mono[i] = samples[i * channelCount]! / 32_768;
      this.#heard.push(mono);
      if (this.#heard.length > KEPT_MS / CHUNK_MS) this.#heard.shift();
    };
  }
}

async function loadDevice(offer: MediaOffer): Promise<Device> {
  const device = new Device({ handlerName: 'Chrome111' });
  await device.load({ routerRtpCapabilities: offer.routerRtpCapabilities as never });
  return device;
}
