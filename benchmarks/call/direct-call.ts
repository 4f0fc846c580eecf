import type { Page } from 'playwright-core';

/** Nothing is served there: the browser asks, and Playwright answers. A microphone is given to `localhost` only. */
const BLANK_URL = 'http://localhost:1/';

/**
 * Calls from one end of a page to its other end, without any server: what the browser itself takes from mouth to ear.
 *
 * @param opus parameters of the offer's Opus line, the same that a call through the server uses.
 */
export async function placeDirectCall(page: Page, opus: string): Promise<void> {
  await page.route(BLANK_URL, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.goto(BLANK_URL);
  await page.evaluate(connectWithItself, opus);
}

/** Runs in the page: it may use nothing from outside itself. */
async function connectWithItself(opus: string): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const sender = new RTCPeerConnection();
  const receiver = new RTCPeerConnection();
  sender.onicecandidate = ({ candidate }) => receiver.addIceCandidate(candidate ?? undefined);
  receiver.onicecandidate = ({ candidate }) => sender.addIceCandidate(candidate ?? undefined);
  const heard = new Promise<RTCTrackEvent>((resolve) => {
    receiver.ontrack = resolve;
  });
  sender.addTrack(stream.getAudioTracks()[0]!, stream);
  await sender.setLocalDescription();
  await receiver.setRemoteDescription(sender.localDescription!);
  await receiver.setLocalDescription();
  // The sender codes as the receiver's answer asks.
  const { type, sdp } = receiver.localDescription!;
  await sender.setRemoteDescription({ type, sdp: sdp.replace(/a=fmtp:111 .*/, `a=fmtp:111 ${opus}`) });
  const { track, receiver: rtpReceiver } = await heard;
  if ('jitterBufferTarget' in rtpReceiver) rtpReceiver.jitterBufferTarget = 0;
  // Chromium plays a remote track only through an element.
  const audio = new Audio();
  audio.srcObject = new MediaStream([track]);
  await audio.play();
  Object.assign(globalThis, { parleyDirect: { sender, receiver, audio } });
}
