/**
 * Chromium as a caller, for benchmarks and tests: it speaks a WAV file, and both directions of its call are recorded
 * in one audio clock.
 *
 * ```ts
 * const browser = await launchChromium({ microphoneWav });
 * const page = await (await newCallerContext(browser)).newPage();
 * await listenIn(page);
 * await page.goto(url);                       // any page that calls getUserMedia and RTCPeerConnection
 * …                                           // place the call
 * await startRecording(page);
 * …
 * const { sampleRateHz, microphone, received } = await stopRecording(page);
 * const { correlation } = await follow({ sampleRateHz: 24_000, pcm: given }, { sampleRateHz, pcm: received });
 * await browser.close();
 * ```
 */
export { type Followed, type FollowedStretch, follow } from './follow.ts';
export { normalizedCorrelation, peakPosition } from './fourier.ts';
export { launchChromium, newCallerContext, UNTRUSTED_HOST } from './launch.ts';
export {
  listenIn,
  type ReceiverCounters,
  type Recording,
  readReceivers,
  startRecording,
  stopRecording,
} from './recorder.ts';
export { writeSpeech } from './speech.ts';
export { type Sound, writeWav } from './wav.ts';
