import type { Page } from 'playwright-core';

/** Both directions of a call as the page had them, in one audio clock: sample i of one was there with sample i of the other. */
export interface Recording {
  readonly sampleRateHz: number;
  /** The page's microphone track. */
  readonly microphone: Float32Array;
  /** The track that the page received, as it was played. */
  readonly received: Float32Array;
}

/** What the page's receivers did with what they got, summed since its calls began. */
export interface ReceiverCounters {
  readonly packetsLost: number;
  /** Made up, because the sound was not there; silence that was asked for is not among them. */
  readonly concealedMs: number;
  /** Milliseconds of sound left out and put in to follow the sender. */
  readonly removedMs: number;
  readonly insertedMs: number;
  /** Time that samples waited in the receiver's own buffer, summed over `bufferSamples` of them. */
  readonly bufferedMsSum: number;
  readonly bufferSamples: number;
}

/** Opus counts in 48 kHz, RFC 7587 §4.1. */
const RTP_RATE_HZ = 48_000;

interface PageRecorder {
  inboundStats(): Promise<Record<string, number>[]>;
  start(): Promise<void>;
  /** Two channels interleaved, f32 little-endian, in base64; and the rate. */
  stop(): Promise<{ sampleRateHz: number; base64: string }>;
}

/**
 * Makes every page of `page` listen in on its own calls, whatever its code: getUserMedia's and the peer connections'
 * tracks are noted as they come. Call it before the page is opened.
 */
export async function listenIn(page: Page): Promise<void> {
  await page.addInitScript(installRecorder);
}

/** Records from now on. The page must have a microphone track; the received track may come later. */
export async function startRecording(page: Page): Promise<void> {
  await page.evaluate(() => (globalThis as unknown as { parleyRecorder: PageRecorder }).parleyRecorder.start());
}

/** Ends what `startRecording` began. */
export async function stopRecording(page: Page): Promise<Recording> {
  const { sampleRateHz, base64 } = await page.evaluate(() =>
    (globalThis as unknown as { parleyRecorder: PageRecorder }).parleyRecorder.stop(),
  );
  const bytes = Buffer.from(base64, 'base64');
  const pairs = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const channel = (offset: number) => Float32Array.from({ length: pairs.length / 2 }, (_, i) => pairs[2 * i + offset]!);
  return { sampleRateHz, microphone: channel(0), received: channel(1) };
}

/** Reads the statistics of all receivers of the page. */
export async function readReceivers(page: Page): Promise<ReceiverCounters> {
  const receivers = await page.evaluate(() =>
    (globalThis as unknown as { parleyRecorder: PageRecorder }).parleyRecorder.inboundStats(),
  );
  const sum = (name: string) => receivers.reduce((total, stats) => total + (stats[name] ?? 0), 0);
  const samplesMs = (count: number) => count / (RTP_RATE_HZ / 1000);
  return {
    packetsLost: sum('packetsLost'),
    concealedMs: samplesMs(sum('concealedSamples') - sum('silentConcealedSamples')),
    removedMs: samplesMs(sum('removedSamplesForAcceleration')),
    insertedMs: samplesMs(sum('insertedSamplesForDeceleration')),
    bufferedMsSum: sum('jitterBufferDelay') * 1000,
    bufferSamples: sum('jitterBufferEmittedCount'),
  };
}

/** Runs in the page: it may use nothing from outside itself. */
function installRecorder(): void {
  let microphone: MediaStreamTrack | undefined;
  let received: MediaStreamTrack | undefined;
  const connections: RTCPeerConnection[] = [];
  let running: { context: AudioContext; node: AudioWorkletNode; chunks: Float32Array[] } | undefined;

  const connect = (input: 0 | 1, track: MediaStreamTrack | undefined) => {
    if (!running || !track) return;
    running.context.createMediaStreamSource(new MediaStream([track])).connect(running.node, 0, input);
  };

  if (navigator.mediaDevices) {
    const getUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (constraints) => {
      const stream = await getUserMedia(constraints);
      microphone = stream.getAudioTracks()[0];
      connect(0, microphone);
      return stream;
    };
  }
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      connections.push(this);
      this.addEventListener('track', ({ track }) => {
        received = track;
        connect(1, track);
      });
    }
  };

  const processor = `registerProcessor('parley-recorder', class extends AudioWorkletProcessor {
    pairs = new Float32Array(4096);
    at = 0;
    process([microphone, received]) {
      for (let i = 0; i < 128; i++) {
        this.pairs[this.at++] = microphone[0]?.[i] ?? 0;
        this.pairs[this.at++] = received[0]?.[i] ?? 0;
      }
      if (this.at === this.pairs.length) {
        this.port.postMessage(this.pairs.slice());
        this.at = 0;
      }
      return true;
    }
  })`;

  const recorder: PageRecorder = {
    async inboundStats() {
      const open = connections.filter(({ connectionState }) => connectionState !== 'closed');
      const reports = await Promise.all(open.map((connection) => connection.getStats()));
      return reports.flatMap((report) => [...report.values()]).filter(({ type }) => type === 'inbound-rtp');
    },
    async start() {
      const context = new AudioContext({ latencyHint: 'interactive', sampleRate: 48_000 });
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([processor], { type: 'text/javascript' })));
      const node = new AudioWorkletNode(context, 'parley-recorder', {
        numberOfInputs: 2,
        channelCount: 1,
        channelCountMode: 'explicit',
      });
      const chunks: Float32Array[] = [];
      node.port.onmessage = ({ data }) => chunks.push(data);
      // A node is only asked for sound where it leads to the loudspeaker; it gives silence.
      node.connect(context.destination);
      running = { context, node, chunks };
      connect(0, microphone);
      connect(1, received);
    },
    async stop() {
      if (!running) throw new Error('nothing is being recorded');
      const { context, node, chunks } = running;
      running = undefined;
      node.disconnect();
      await context.close();
      const bytes = await new Blob(chunks as BlobPart[]).arrayBuffer();
      const url = await new Promise<string>((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result as string);
        reader.readAsDataURL(new Blob([bytes]));
      });
      return { sampleRateHz: context.sampleRate, base64: url.slice(url.indexOf(',') + 1) };
    },
  };
  Object.assign(globalThis, { parleyRecorder: recorder });
}
