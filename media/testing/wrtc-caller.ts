import wrtc from '@roamhq/wrtc';
import { Device } from 'mediasoup-client';
import type { Transport } from 'mediasoup-client/types';
import type { MediaCall } from '../media-call.ts';
import type { JoinParams } from '../mediasoup/media-node-options.ts';

const { RTCAudioSink, RTCAudioSource } = wrtc.nonstandard;
type AudioSource = InstanceType<typeof RTCAudioSource>;
type AudioSink = InstanceType<typeof RTCAudioSink>;
type SinkData = { samples: Int16Array; sampleRate: number; channelCount?: number };

// @roamhq/wrtc 0.10.0 sometimes aborts in the finalizers that run when a process ends by itself, after all its work is
// done. `process.exit` would do, but vitest takes that away from tests.
process.once('exit', (code) => (process as unknown as { reallyExit(code: number): never }).reallyExit(code));

/** libwebrtc's own rate on both sides. */
const CALLER_RATE_HZ = 48_000;
const CHUNK_MS = 10;
const CHUNK_SAMPLES = (CALLER_RATE_HZ * CHUNK_MS) / 1000;
const KEPT_CHUNKS = 200;

/** libwebrtc at the other end of a MediaCall, with method calls for its signalling: speaks a tone, keeps what it hears. */
export class WrtcCaller {
  readonly #call: MediaCall;
  readonly #source: AudioSource = new RTCAudioSource();
  readonly #track = this.#source.createTrack();
  readonly #stepRadians: number;
  #device: Device | undefined;
  #transports: Transport[] = [];
  #sink: AudioSink | undefined;
  #speaking: NodeJS.Timeout | undefined;
  #chunks: Int16Array[] = [];

  constructor(call: MediaCall, toneHz: number) {
    // mediasoup-client takes these from the browser's globals.
    const { RTCPeerConnection, RTCSessionDescription, MediaStream, MediaStreamTrack } = wrtc;
    Object.assign(globalThis, { RTCPeerConnection, RTCSessionDescription, MediaStream, MediaStreamTrack });
    this.#call = call;
    this.#stepRadians = (2 * Math.PI * toneHz) / CALLER_RATE_HZ;
  }

  /** The last two seconds heard, every other sample: 24 kHz, mono. */
  get heard(): Float32Array {
    const heard = new Float32Array((this.#chunks.length * CHUNK_SAMPLES) / 2);
    for (const [place, chunk] of this.#chunks.entries()) {
      const at = (place * CHUNK_SAMPLES) / 2;
      for (let i = 0; i < CHUNK_SAMPLES / 2; i += 1) heard[at + i] = chunk[2 * i]! / 32_768;
    }
    return heard;
  }

  forget(): void {
    this.#chunks = [];
  }

  /** Joins with what `join` or `restart` gave, in place of what it had. */
  async join(offer: JoinParams): Promise<void> {
    this.#leave();
    this.#device ??= await loadDevice(offer);
    const send = this.#device.createSendTransport({ ...offer.sendTransport });
    const recv = this.#device.createRecvTransport({ ...offer.recvTransport });
    this.#transports = [send, recv];
    for (const transport of this.#transports) {
      transport.on('connect', ({ dtlsParameters }, done, failed) => {
        this.#call.connectTransport(transport.id, dtlsParameters).then(done, failed);
      });
    }
    send.on('produce', ({ rtpParameters }, done, failed) => {
      const request = { transportId: send.id, rtpParameters } as Parameters<MediaCall['produce']>[0];
      this.#call.produce(request).then(({ producerId }) => done({ id: producerId }), failed);
    });
    await send.produce({ track: this.#track as never, stopTracks: false });
    this.#speak();
    const rtpCapabilities = this.#device.recvRtpCapabilities as Parameters<MediaCall['consume']>[0]['rtpCapabilities'];
    const consumer = await recv.consume((await this.#call.consume({ rtpCapabilities })) as never);
    this.#hear(consumer.track as never);
  }

  close(): void {
    this.#leave();
    this.#track.stop();
  }

  #leave(): void {
    clearInterval(this.#speaking);
    this.#sink?.stop();
    for (const transport of this.#transports) transport.close();
    this.#transports = [];
  }

  /** Hands libwebrtc 10 ms at a time; a timer that came late is made up for, so that the rate holds. */
  #speak(): void {
    const beganMs = performance.now();
    let chunkCount = 0;
    this.#speaking = setInterval(() => {
      for (; chunkCount < (performance.now() - beganMs) / CHUNK_MS; chunkCount += 1) {
        const first = chunkCount * CHUNK_SAMPLES;
        const samples = Int16Array.from({ length: CHUNK_SAMPLES }, (_, i) => {
          return 0.3 * 32_767 * Math.sin(this.#stepRadians * (first + i));
        });
        const format = { sampleRate: CALLER_RATE_HZ, bitsPerSample: 16, channelCount: 1 };
        this.#source.onData({ samples, ...format, numberOfFrames: CHUNK_SAMPLES });
      }
    }, CHUNK_MS);
  }

  #hear(track: MediaStreamTrack): void {
    const sink: AudioSink = new RTCAudioSink(track);
    this.#sink = sink;
    sink.ondata = ({ samples, sampleRate, channelCount = 1 }: SinkData) => {
      if (sampleRate !== CALLER_RATE_HZ) return; // libwebrtc begins at another rate, before the first packet.
      this.#chunks.push(samples.filter((_, i) => i % channelCount === 0));
      if (this.#chunks.length > KEPT_CHUNKS) this.#chunks.shift();
    };
  }
}

async function loadDevice(offer: JoinParams): Promise<Device> {
  const device = new Device({ handlerName: 'Chrome111' });
  await device.load({ routerRtpCapabilities: offer.routerRtpCapabilities as never });
  return device;
}
