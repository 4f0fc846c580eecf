import wrtc from '@roamhq/wrtc';
import { Device } from 'mediasoup-client';
import type { Consumer, Transport } from 'mediasoup-client/types';
import { io, type Socket } from 'socket.io-client';
import {
  type Answer,
  type CallState,
  type ClientToServerEvents,
  type EventOf,
  PROTOCOL_VERSION,
  type RequestName,
  type RequestOf,
  type ServerToClientEvents,
  type ValueOf,
} from '../../../signaling/index.ts';

const SAMPLE_RATE_HZ = 48_000;
/** What libwebrtc takes and gives at a time. */
const BLOCK_MS = 10;
const BLOCK_SAMPLES = (SAMPLE_RATE_HZ * BLOCK_MS) / 1000;
/** A timer that is late by more than this leaves blocks out, as a sound card that was not fed does. */
const CATCH_UP_BLOCKS_MAX = 20;
const ANSWER_MS_MAX = 10_000;
const LIVE_MS_MAX = 15_000;

/** mediasoup-client looks for a browser's classes among the globals. */
const { RTCPeerConnection, MediaStream, MediaStreamTrack, RTCRtpReceiver, RTCRtpSender, RTCSessionDescription } = wrtc;
Object.assign(globalThis, {
  RTCPeerConnection,
  MediaStream,
  MediaStreamTrack,
  RTCRtpReceiver,
  RTCRtpSender,
  RTCSessionDescription,
});

export interface WrtcCallOptions {
  readonly url: string;
  /** Called for each 10 ms to speak: `samples` of 48 kHz from sample `at` of the call on. */
  readonly speak: (samples: Int16Array, at: number) => void;
  /** Called with each 10 ms heard. @param pcm mono, [-1, 1]. */
  readonly hear: (pcm: Float32Array, sampleRateHz: number) => void;
}

/** A caller without a browser: libwebrtc in this process, over a server's own signaling. */
export class WrtcCall implements AsyncDisposable {
  /** Every state and fault that the server told, in order. */
  readonly told: string[] = [];
  /** What the server last said of its hops. */
  latency: EventOf<'latency'> | undefined;
  readonly #socket: Socket<ServerToClientEvents, ClientToServerEvents>;
  readonly #options: WrtcCallOptions;
  readonly #closers: (() => void)[] = [];
  #stallMsMax = 0;

  private constructor(options: WrtcCallOptions) {
    this.#options = options;
    this.#socket = io(options.url, { transports: ['websocket'], reconnection: false, forceNew: true });
    this.#socket.on('state', ({ state }) => this.told.push(state));
    this.#socket.on('fault', ({ error }) => this.told.push(`fault ${error.code}`));
    this.#socket.on('mediaLost', () => this.told.push('mediaLost'));
    this.#socket.on('ended', ({ reason }) => this.told.push(`ended: ${reason}`));
    this.#socket.on('disconnect', (reason) => this.told.push(`disconnected: ${reason}`));
    this.#socket.on('latency', (latency) => {
      this.latency = latency;
    });
  }

  /** Places a call. @returns it live, speaking and hearing. */
  static async place(options: WrtcCallOptions): Promise<WrtcCall> {
    const call = new WrtcCall(options);
    try {
      await call.#place();
      return call;
    } catch (error) {
      call.#close();
      throw error;
    }
  }

  /** How late the microphone was at most since the last time this was asked. */
  readStallMs(): number {
    const stallMsMax = this.#stallMsMax;
    this.#stallMsMax = 0;
    return stallMsMax;
  }

  async hangUp(): Promise<void> {
    await this.#ask('hangup', {});
    this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
  }

  async #place(): Promise<void> {
    const live = this.#until('live');
    const { iceServers: _, ...offer } = await this.#ask('join', { protocolVersion: PROTOCOL_VERSION });
    const device = new Device({ handlerName: 'Chrome111' });
    await device.load({ routerRtpCapabilities: offer.routerRtpCapabilities as never });
    const send = this.#watch(device.createSendTransport(offer.sendTransport as never));
    const recv = this.#watch(device.createRecvTransport(offer.recvTransport as never));
    send.on('produce', ({ rtpParameters }, done, failed) => {
      const request = { transportId: send.id, rtpParameters: rtpParameters as never };
      this.#ask('produce', request).then(({ producerId }) => done({ id: producerId }), failed);
    });
    await send.produce({
      track: this.#openMicrophone(),
      codecOptions: { opusStereo: false, opusFec: true, opusDtx: false, opusMaxPlaybackRate: 24_000 },
    });
    const consume = await this.#ask('consume', { rtpCapabilities: device.recvRtpCapabilities as never });
    const { consumerId: id, producerId, rtpParameters } = consume;
    this.#openSpeaker(await recv.consume({ id, producerId, kind: 'audio', rtpParameters: rtpParameters as never }));
    await live;
  }

  #watch(transport: Transport): Transport {
    this.#closers.push(() => transport.close());
    transport.on('connect', ({ dtlsParameters }, done, failed) => {
      const request = { transportId: transport.id, dtlsParameters: dtlsParameters as never };
      this.#ask('transport:connect', request).then(() => done(), failed);
    });
    transport.on('connectionstatechange', (state) => {
      if (state === 'failed' || state === 'disconnected') this.told.push(`transport ${state}`);
    });
    return transport;
  }

  #openMicrophone(): MediaStreamTrack {
    const source = new wrtc.nonstandard.RTCAudioSource();
    const beganMs = performance.now();
    let blockIndex = 0;
    const timer = setInterval(() => {
      const due = Math.floor((performance.now() - beganMs) / BLOCK_MS);
      this.#stallMsMax = Math.max(this.#stallMsMax, (due - blockIndex - 1) * BLOCK_MS);
      blockIndex = Math.max(blockIndex, due - CATCH_UP_BLOCKS_MAX);
      for (; blockIndex < due; blockIndex++) {
        const samples = new Int16Array(BLOCK_SAMPLES);
        this.#options.speak(samples, blockIndex * BLOCK_SAMPLES);
        source.onData({ samples, sampleRate: SAMPLE_RATE_HZ });
      }
    }, BLOCK_MS / 2);
    this.#closers.push(() => clearInterval(timer));
    return source.createTrack();
  }

  #openSpeaker(consumer: Consumer): void {
    const sink = new wrtc.nonstandard.RTCAudioSink(consumer.track);
    sink.ondata = ({ samples, sampleRate }: { samples: Int16Array; sampleRate: number }) => {
      this.#options.hear(
        Float32Array.from(samples, (sample) => sample / 32_768),
        sampleRate,
      );
    };
    this.#closers.push(() => sink.stop());
  }

  #until(state: CallState): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      reject(new Error(`not ${state} within ${LIVE_MS_MAX} ms: ${this.told.join(', ')}`));
    }, LIVE_MS_MAX);
    this.#closers.push(() => clearTimeout(timer));
    this.#socket.on('state', (told) => {
      if (told.state === state) resolve();
    });
    // Whoever awaits it learns of a failure; until then an earlier error may have been thrown.
    promise.catch(() => undefined);
    return promise.finally(() => clearTimeout(timer));
  }

  async #ask<Name extends RequestName>(name: Name, request: RequestOf<Name>): Promise<ValueOf<Name>> {
    const socket = this.#socket.timeout(ANSWER_MS_MAX) as unknown as {
      emitWithAck(name: Name, request: RequestOf<Name>): Promise<Answer<ValueOf<Name>>>;
    };
    const answer = await socket.emitWithAck(name, request);
    if (!answer.ok) throw new Error(`${name}: ${answer.error.message}`);
    return answer.value;
  }

  #close(): void {
    this.#socket.off();
    this.#socket.disconnect();
    for (const close of this.#closers.splice(0)) close();
  }
}
