/**
 * media: everything between a caller's RTP packets and 80 ms frames of PCM, both ways.
 *
 * ```ts
 * const node = await MediaNode.create({ workerBin, listen: [{ ip: '127.0.0.1' }], port: 44_444 });
 * const call = await node.createCall({ id, framePeer });      // the slot behind framePeer is reserved by then
 * const join = call.join();                                   // JoinParams → client: device.load, both transports
 * await call.connectTransport(transportId, dtlsParameters);   // from the client, once per transport
 * const { producerId } = await call.produce({ transportId, rtpParameters }); // the caller's microphone
 * const consumer = await call.consume({ rtpCapabilities });   // ConsumerParams → client; audio flows at once
 * peer → call.handleReply(tickIndex, pcm);                    // 1920 samples, one per tick, when the step is done
 * call.stats();                                               // CallStats, cheap: levels, counters, latency per hop
 * call.setFramePeer(other);                                   // another slot or worker takes over; undefined: silence
 * await call.close('client-left');                            // idempotent; the slot is the caller's to give back
 * ```
 *
 * `MediaNode` events: `workerDied []`, `workerReplaced [startedInMs]`, `closed [reason]`.
 * `MediaCall` events: `connected []` (both transports), `disconnected []` (ICE or DTLS lost), `audioStarted []`
 * (first packet of the caller), `interrupted []`, `restored []`, `peerFailed [error]`, `failed [error]` (a defect of
 * this call, which closes it and no other), `closed [reason]`.
 *
 * When mediasoup's worker dies, or hangs and is killed, every call emits `interrupted`: its transports are gone, its
 * pipeline and frame peer go on (the peer hears concealed audio). The worker is replaced at once; after
 * `workerReplaced` the server calls `await call.restart()`, sends the new JoinParams to the client, and the client
 * joins again: connectTransport, produce, consume. `restored` follows with the first packet.
 *
 * Methods throw MediaError: see MEDIA_ERRORS. All times are `performance.now()` of the process, in milliseconds.
 */
export type { CallStats, HopLatency, InputStats, OutputStats } from './call-stats.ts';
export { MEDIA_ERRORS, MediaError, type MediaErrorCode } from './errors.ts';
export type { FramePeer, Tick } from './frames/frame-peer.ts';
export { type CallCloseReason, MediaCall, type MediaCallEvents, type MediaCallOptions } from './media-call.ts';
export { MediaNode, type MediaNodeCloseReason, type MediaNodeEvents } from './media-node.ts';
export type {
  ConsumerParams,
  JoinParams,
  ListenAddress,
  MediaNodeOptions,
  TransportParams,
} from './mediasoup/media-node-options.ts';
