import { z } from 'zod';
import { SIGNALING_ERRORS, type SignalingErrorCode } from './errors.ts';
import { DtlsParametersSchema, RtpCapabilitiesSchema, RtpParametersSchema, TransportOfferSchema } from './rtp.ts';

/**
 * The signaling protocol, version 1, over socket.io: requests from the client, each answered through its
 * acknowledgement, and events from the server. The schemas here are the source; the types and PROTOCOL.md derive
 * from them.
 */
export const PROTOCOL_VERSION = 1;

/** A request larger than this is answered with `REQUEST_TOO_LARGE`. */
export const REQUEST_BYTES_MAX = 16 * 1024;
/** A packet larger than this closes its connection (WebSocket close code 1009). */
export const PACKET_BYTES_MAX = 64 * 1024;

const Id = z.string().min(1).max(64);

const ErrorCode = z.enum(Object.keys(SIGNALING_ERRORS) as [SignalingErrorCode, ...SignalingErrorCode[]]);

export const WireErrorSchema = z.object({
  code: ErrorCode,
  message: z.string().max(1024).describe('For people and logs; programs match `code`.'),
  retryable: z.boolean().describe('True where the same request can succeed later.'),
  fix: z.string().max(1024).describe('What to do about it.'),
});

const EndReasonSchema = z.enum([
  'hung-up',
  'client-gone',
  'connect-timeout',
  'media-lost',
  'engine-lost',
  'engine-fault',
  'server-draining',
  'server-shutdown',
  'internal-error',
]);

const CallStateSchema = z.enum(['joining', 'connecting', 'live', 'reconnecting', 'ended']);

/** What a client needs to send and receive audio. */
export const MediaOfferSchema = z.object({
  routerRtpCapabilities: RtpCapabilitiesSchema,
  sendTransport: TransportOfferSchema.describe('The caller sends the microphone through it.'),
  recvTransport: TransportOfferSchema.describe('The caller receives the model through it.'),
  iceServers: z
    .array(
      z.object({
        urls: z.array(z.string().max(256)).min(1).max(8),
        username: z.string().max(256).exactOptional(),
        credential: z.string().max(256).exactOptional(),
      }),
    )
    .max(8),
});

const EngineSummarySchema = z.object({
  name: z.string().max(64).describe('`moshi` or `loopback`.'),
  isUntrained: z.boolean().describe('True where the weights are random: it will sound like noise.'),
  checkpointHash: z.string().max(128).describe("Hex digest of the checkpoint's files; empty without one."),
});

const Nothing = z.strictObject({});
const Ms = z.number().min(0);

/** Requests by event name: what the client sends, and the value of a successful answer. */
export const REQUESTS = {
  join: {
    about: 'Places the call: reserves a slot and opens two transports. One call per connection at a time.',
    allowedIn: ['idle', 'ended'],
    request: z.strictObject({ protocolVersion: z.int().describe(`This is version ${PROTOCOL_VERSION}.`) }),
    value: MediaOfferSchema.extend({ callId: Id, engine: EngineSummarySchema }),
  },
  'transport:connect': {
    about: "Gives the client's DTLS parameters for one of the two transports; once for each.",
    allowedIn: ['connecting', 'live', 'reconnecting'],
    request: z.strictObject({ transportId: Id, dtlsParameters: DtlsParametersSchema }),
    value: Nothing,
  },
  produce: {
    about: 'Announces the microphone stream on the send transport; once per join or rejoin.',
    allowedIn: ['connecting', 'live', 'reconnecting'],
    request: z.strictObject({ transportId: Id, rtpParameters: RtpParametersSchema }),
    value: z.object({ producerId: Id }),
  },
  consume: {
    about: "Asks for the model's stream on the receive transport; once per join or rejoin.",
    allowedIn: ['connecting', 'live', 'reconnecting'],
    request: z.strictObject({ rtpCapabilities: RtpCapabilitiesSchema }),
    value: z.object({ consumerId: Id, producerId: Id, rtpParameters: RtpParametersSchema }),
  },
  rejoin: {
    about: 'After `mediaLost`: opens new transports for the same call, whose model state is kept.',
    allowedIn: ['connecting', 'live', 'reconnecting'],
    request: Nothing,
    value: MediaOfferSchema,
  },
  hangup: {
    about: 'Ends the call. `ended` with reason `hung-up` follows.',
    allowedIn: ['joining', 'connecting', 'live', 'reconnecting'],
    request: Nothing,
    value: Nothing,
  },
} as const;

/** Events by name: what the server sends unasked. */
export const EVENTS = {
  state: { about: "The call's state changed.", payload: z.object({ state: CallStateSchema }) },
  text: {
    about: 'A piece of what the model says, as it says it. A leading space begins a word.',
    payload: z.object({
      tickIndex: z.int().min(0).describe('Step of this call that gave it.'),
      text: z.string().max(256),
    }),
  },
  heard: {
    about:
      'A piece of what the caller is heard to say, from a model with a transcriber. A leading space begins a word.',
    payload: z.object({
      tickIndex: z.int().min(0).describe('Step of this call that gave it.'),
      text: z.string().max(256),
    }),
  },
  latency: {
    about: 'About once a second: where the time goes on the server, as means over about the last second.',
    payload: z.object({
      bufferMs: Ms.describe('From the arrival of the last packet that a frame needs to the hand-over of the frame.'),
      tickWaitMs: Ms.describe('From the hand-over of a frame to its tick.'),
      stepMs: Ms.describe("From the tick to the reply: the model's step and the way to it and back."),
      pacingMs: Ms.describe('From the reply to the time when its first packet is due and leaves.'),
    }),
  },
  levels: {
    about: 'About five times a second: root mean square levels, in decibels to full scale, −90 and below as −90.',
    payload: z.object({ callerDbfs: z.number().min(-90).max(6), assistantDbfs: z.number().min(-90).max(6) }),
  },
  mediaLost: { about: 'The transports are gone; the call is not: send `rejoin`.', payload: Nothing },
  fault: {
    about: 'Something failed. The call goes on unless `ended` follows.',
    payload: z.object({ error: WireErrorSchema }),
  },
  ended: {
    about: 'The call is over; `join` places another.',
    payload: z.object({ reason: EndReasonSchema, error: WireErrorSchema.exactOptional() }),
  },
} as const;

export type RequestName = keyof typeof REQUESTS;
export type RequestOf<Name extends RequestName> = z.infer<(typeof REQUESTS)[Name]['request']>;
export type ValueOf<Name extends RequestName> = z.infer<(typeof REQUESTS)[Name]['value']>;
export type EventName = keyof typeof EVENTS;
export type EventOf<Name extends EventName> = z.infer<(typeof EVENTS)[Name]['payload']>;

export type WireError = z.infer<typeof WireErrorSchema>;
export type CallState = z.infer<typeof CallStateSchema>;
export type EndReason = z.infer<typeof EndReasonSchema>;
export type MediaOffer = z.infer<typeof MediaOfferSchema>;
export type EngineSummary = z.infer<typeof EngineSummarySchema>;

/** The answer to a request, through its acknowledgement. */
export type Answer<Value> = { ok: true; value: Value } | { ok: false; error: WireError };

/** Types for `Socket<ServerToClientEvents, ClientToServerEvents>` of socket.io-client. */
export type ClientToServerEvents = {
  [Name in RequestName]: (request: RequestOf<Name>, answer: (answer: Answer<ValueOf<Name>>) => void) => void;
};
export type ServerToClientEvents = { [Name in EventName]: (payload: EventOf<Name>) => void };
