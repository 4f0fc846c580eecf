import { z } from 'zod';

/**
 * What a WebRTC client and the server tell each other about their transports and streams, as mediasoup and
 * mediasoup-client shape it. Only what a voice call needs is let through; unknown fields are dropped, because newer
 * browsers add some, and every text and list is bounded.
 */

const Id = z.string().min(1).max(64);
const Name = z.string().max(256);
const PayloadType = z.int().min(0).max(127);
const Ssrc = z.int().min(0).max(0xffff_ffff);
// Unknown to the type, as in mediasoup's own; scalars to the check.
const CodecSettings = z
  .record(z.string().max(64), z.unknown())
  .refine((settings) => Object.keys(settings).length <= 32, 'At most 32 settings.')
  .refine(
    (settings) => Object.values(settings).every((value) => typeof value !== 'object' || value === null),
    'Settings are texts, numbers or booleans.',
  );

const RtcpFeedback = z.object({ type: z.string().max(64), parameter: z.string().max(64).exactOptional() });

const HeaderExtensionUri = z.enum([
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension',
  'urn:3gpp:video-orientation',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time',
  'urn:ietf:params:rtp-hdrext:toffset',
  'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay',
  'urn:mediasoup:params:rtp-hdrext:packet-id',
]);

export const RtpCapabilitiesSchema = z.object({
  codecs: z
    .array(
      z.object({
        kind: z.enum(['audio', 'video']),
        mimeType: Name,
        preferredPayloadType: PayloadType,
        clockRate: z.int().min(1).max(192_000),
        channels: z.int().min(1).max(8).exactOptional(),
        parameters: CodecSettings.exactOptional(),
        rtcpFeedback: z.array(RtcpFeedback).max(16).exactOptional(),
      }),
    )
    .max(32)
    .exactOptional(),
  headerExtensions: z
    .array(
      z.object({
        kind: z.enum(['audio', 'video']),
        uri: HeaderExtensionUri,
        preferredId: z.int().min(1).max(255),
        preferredEncrypt: z.boolean().exactOptional(),
        direction: z.enum(['sendrecv', 'sendonly', 'recvonly', 'inactive']).exactOptional(),
      }),
    )
    .max(32)
    .exactOptional(),
});

export const RtpParametersSchema = z.object({
  mid: z.string().max(32).exactOptional(),
  codecs: z
    .array(
      z.object({
        mimeType: Name,
        payloadType: PayloadType,
        clockRate: z.int().min(1).max(192_000),
        channels: z.int().min(1).max(8).exactOptional(),
        parameters: CodecSettings.exactOptional(),
        rtcpFeedback: z.array(RtcpFeedback).max(16).exactOptional(),
      }),
    )
    .min(1)
    .max(8),
  headerExtensions: z
    .array(
      z.object({
        uri: HeaderExtensionUri,
        id: z.int().min(1).max(255),
        encrypt: z.boolean().exactOptional(),
        parameters: CodecSettings.exactOptional(),
      }),
    )
    .max(16)
    .exactOptional(),
  // One encoding: a caller sends one stream.
  encodings: z
    .array(
      z.object({
        ssrc: Ssrc.exactOptional(),
        codecPayloadType: PayloadType.exactOptional(),
        dtx: z.boolean().exactOptional(),
        maxBitrate: z.int().min(1).exactOptional(),
      }),
    )
    .max(1)
    .exactOptional(),
  rtcp: z.object({ cname: Name.exactOptional(), reducedSize: z.boolean().exactOptional() }).exactOptional(),
  msid: Name.exactOptional(),
});

export const DtlsParametersSchema = z.object({
  role: z.enum(['auto', 'client', 'server']).exactOptional(),
  fingerprints: z
    .array(
      z.object({
        algorithm: z.enum(['sha-1', 'sha-224', 'sha-256', 'sha-384', 'sha-512']),
        value: z.string().regex(/^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){19,63}$/, 'Pairs of hex digits joined by colons.'),
      }),
    )
    .min(1)
    .max(8),
});

export const TransportOfferSchema = z.object({
  id: Id,
  iceParameters: z.object({ usernameFragment: Name, password: Name, iceLite: z.boolean().exactOptional() }),
  iceCandidates: z
    .array(
      z.object({
        foundation: Name,
        priority: z.int().min(0),
        ip: Name,
        address: Name,
        protocol: z.enum(['udp', 'tcp']),
        port: z.int().min(1).max(65_535),
        type: z.literal('host'),
        tcpType: z.literal('passive').exactOptional(),
      }),
    )
    .max(16),
  dtlsParameters: DtlsParametersSchema,
});

export type RtpParameters = z.infer<typeof RtpParametersSchema>;
export type DtlsParameters = z.infer<typeof DtlsParametersSchema>;
/** What a client needs to open its end of one WebRTC transport. */
export type TransportOffer = z.infer<typeof TransportOfferSchema>;
