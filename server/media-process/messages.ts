import { z } from 'zod';
import { EVENTS, MediaOfferSchema, REQUESTS } from '../../signaling/index.ts';

/**
 * What the control plane and the media process say to each other over the child's IPC channel: methods asked by the
 * control plane, events told by the media process. Both sides check what they receive.
 */
const CallId = z.string().min(1).max(64);
const Nothing = z.object({});
const OfCall = z.object({ callId: CallId });
/** iceServers are the control plane's to say. */
const Offer = MediaOfferSchema.omit({ iceServers: true });

export const METHODS = {
  /** First of all: opens the port of all calls. */
  start: {
    params: z.object({
      listen: z.array(z.object({ ip: z.string(), announcedAddress: z.string().exactOptional() })).min(1),
      port: z.int(),
      workerBin: z.string().exactOptional(),
      opusLibrary: z.string().exactOptional(),
    }),
    value: Nothing,
  },
  /** Connects to the inference worker, again after each of its starts; calls that lost theirs get a fresh slot. */
  connectEngine: { params: z.object({ socketPath: z.string() }), value: Nothing },
  /** Reserves a slot, then opens the call's transports. */
  openCall: { params: OfCall.extend({ seed: z.string().regex(/^\d{1,20}$/) }), value: Offer },
  connectTransport: { params: REQUESTS['transport:connect'].request.extend({ callId: CallId }), value: Nothing },
  produce: { params: REQUESTS.produce.request.extend({ callId: CallId }), value: REQUESTS.produce.value },
  consume: { params: REQUESTS.consume.request.extend({ callId: CallId }), value: REQUESTS.consume.value },
  /** New transports for a call that was interrupted; waits until mediasoup's worker is replaced. */
  restartCall: { params: OfCall, value: Offer },
  /** Frees the slot and closes the transports, as soon as they are open; of an unknown call it does nothing. */
  closeCall: { params: OfCall, value: Nothing },
} as const;

export const NOTICES = {
  /** No inference worker is connected any more, though the worker may live. */
  engineLinkClosed: Nothing,
  /** Both transports of the call are connected. */
  mediaConnected: OfCall,
  /** The call's transports are gone. */
  mediaLost: OfCall,
  /** The inference worker that answered the call is gone. */
  engineLost: OfCall,
  /** A fresh slot answers the call. */
  engineRestored: OfCall,
  /** The call cannot go on; `closeCall` is still to be asked. */
  callFailed: OfCall.extend({ code: z.enum(['ENGINE_FAULT', 'ENGINE_LOST', 'MEDIA_LOST', 'INTERNAL']) }),
  text: EVENTS.text.payload.extend({ callId: CallId }),
  heard: EVENTS.heard.payload.extend({ callId: CallId }),
  levels: EVENTS.levels.payload.extend({ callId: CallId }),
  latency: EVENTS.latency.payload.extend({ callId: CallId }),
} as const;

export type Method = keyof typeof METHODS;
export type ParamsOf<M extends Method> = z.infer<(typeof METHODS)[M]['params']>;
export type AnswerOf<M extends Method> = z.infer<(typeof METHODS)[M]['value']>;
export type Notice = keyof typeof NOTICES;
export type NoticeOf<N extends Notice> = z.infer<(typeof NOTICES)[N]>;

export const AskSchema = z.object({
  type: z.literal('ask'),
  id: z.int(),
  method: z.enum(Object.keys(METHODS) as [Method, ...Method[]]),
  params: z.unknown(),
});

/** What the media process sends: an answer, or a notice unasked. */
export const TellSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('value'), id: z.int(), value: z.unknown() }),
  z.object({ type: z.literal('error'), id: z.int(), code: z.string(), detail: z.string() }),
  z.object({
    type: z.literal('notice'),
    notice: z.enum(Object.keys(NOTICES) as [Notice, ...Notice[]]),
    payload: z.unknown(),
  }),
]);
export type Ask = z.infer<typeof AskSchema>;
export type Tell = z.infer<typeof TellSchema>;
