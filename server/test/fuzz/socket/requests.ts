import { PROTOCOL_VERSION, type RequestName, type RequestOf, type ValueOf } from '../../../../signaling/index.ts';
import type { Dice } from '../dice.ts';

type Offer = ValueOf<'join'>;
type SomeRequest = { readonly [Name in RequestName]: readonly [name: Name, request: RequestOf<Name>] }[RequestName];

const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':');

/** A request as a browser would send it, for the call that `offer` opened; without one, for none that there is. */
export function someRequest(dice: Dice, offer: Offer | undefined): SomeRequest {
  const send = offer?.sendTransport.id ?? 'none';
  const recv = offer?.recvTransport.id ?? 'none';
  return dice.pick<() => SomeRequest>([
    () => ['join', { protocolVersion: PROTOCOL_VERSION }],
    () => [
      'transport:connect',
      {
        transportId: dice.pick([send, recv]),
        dtlsParameters: { role: 'client', fingerprints: [{ algorithm: 'sha-256', value: FINGERPRINT }] },
      },
    ],
    () => ['produce', { transportId: send, rtpParameters: microphone(dice) }],
    () => ['produce', { transportId: send, rtpParameters: microphone(dice) }],
    () => ['consume', { rtpCapabilities: offer?.routerRtpCapabilities ?? {} }],
    () => ['consume', { rtpCapabilities: offer?.routerRtpCapabilities ?? {} }],
    () => ['rejoin', {}],
    () => ['hangup', {}],
  ])();
}

/** What Chromium tells of its microphone. */
function microphone(dice: Dice): RequestOf<'produce'>['rtpParameters'] {
  return {
    mid: '0',
    codecs: [OPUS],
    headerExtensions: [
      { uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', id: 4, encrypt: false, parameters: {} },
      { uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time', id: 2, encrypt: false, parameters: {} },
      { uri: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level', id: 1, encrypt: false, parameters: {} },
    ],
    encodings: [{ ssrc: dice.between(1, 2 ** 31), dtx: false }],
    rtcp: { cname: 'a caller', reducedSize: true },
  };
}

const OPUS = {
  mimeType: 'audio/opus',
  payloadType: 111,
  clockRate: 48_000,
  channels: 2,
  parameters: { minptime: 10, useinbandfec: 1, 'sprop-stereo': 0, usedtx: 0 },
  rtcpFeedback: [{ type: 'transport-cc', parameter: '' }],
};

const MIME_TYPES = [
  'audio/opus',
  'audio/OPUS',
  'audio/PCMU',
  'audio/CN',
  'video/VP8',
  'audio/red',
  'audio/',
  'opus',
  '',
];
const ALGORITHMS = ['sha-1', 'sha-224', 'sha-256', 'sha-384', 'sha-512'] as const;

/** A request of the right form and the wrong contents: what the schemas let through to media. */
export function plausibleRequest(dice: Dice, offer: Offer): SomeRequest {
  const transportId = dice.pick([offer.sendTransport.id, offer.sendTransport.id, offer.recvTransport.id]);
  return dice.pick<() => SomeRequest>([
    () => ['produce', { transportId, rtpParameters: strangeMicrophone(dice) }],
    () => ['produce', { transportId, rtpParameters: strangeMicrophone(dice) }],
    () => ['consume', { rtpCapabilities: strangeCapabilities(dice, offer) }],
    () => [
      'transport:connect',
      {
        transportId,
        dtlsParameters: {
          role: dice.pick(['auto', 'client', 'server']),
          fingerprints: Array.from({ length: dice.between(1, 8) }, () => ({
            algorithm: dice.pick(ALGORITHMS),
            value: Array.from({ length: dice.pick([20, 28, 32, 48, 64]) }, () => 'ab').join(':'),
          })),
        },
      },
    ],
  ])();
}

function strangeMicrophone(dice: Dice): RequestOf<'produce'>['rtpParameters'] {
  const valid = microphone(dice);
  const extensions = valid.headerExtensions!.map((extension) => ({ ...extension, id: dice.pick([1, 4, 14, 15, 255]) }));
  return {
    ...valid,
    mid: dice.pick(['0', '', '0'.repeat(32), '\u0000']),
    codecs: Array.from({ length: dice.pick([1, 1, 2, 8]) }, () => strangeCodec(dice)),
    headerExtensions: dice.pick([[], valid.headerExtensions!, extensions, [...extensions, ...extensions]]),
    encodings: dice.pick([
      [],
      [{}],
      [{ ssrc: dice.pick([0, 1, 2 ** 31, 2 ** 32 - 1]), codecPayloadType: dice.below(128) }],
      [{ ssrc: 7, maxBitrate: dice.pick([1, 2 ** 31, 2 ** 53 - 1]), dtx: true }],
    ]),
    rtcp: dice.pick([{}, { cname: '' }, { cname: 'x'.repeat(256), reducedSize: false }]),
  };
}

function strangeCodec(dice: Dice): RequestOf<'produce'>['rtpParameters']['codecs'][number] {
  return {
    ...OPUS,
    mimeType: dice.chance(0.5) ? 'audio/opus' : dice.pick(MIME_TYPES),
    payloadType: dice.pick([111, 0, 127, dice.below(128)]),
    clockRate: dice.pick([48_000, 48_000, 8000, 1, 192_000]),
    channels: dice.pick([2, 2, 1, 8]),
    parameters: dice.pick<Record<string, string | number | boolean | null>>([
      {},
      OPUS.parameters,
      { apt: 111 },
      { apt: 'x', ptime: -1 },
      { useinbandfec: null, 'sprop-stereo': 1e308 },
    ]),
  };
}

function strangeCapabilities(dice: Dice, offer: Offer): RequestOf<'consume'>['rtpCapabilities'] {
  const { codecs = [], headerExtensions = [] } = offer.routerRtpCapabilities;
  return {
    codecs: dice.pick([
      [],
      codecs.map((codec) => ({ ...codec, mimeType: dice.pick(MIME_TYPES) })),
      codecs.map((codec) => ({ ...codec, preferredPayloadType: dice.below(128) })),
      codecs.map((codec) => ({ ...codec, kind: 'video' as const, channels: 8 })),
      [...codecs, ...codecs],
    ]),
    headerExtensions: dice.pick([
      [],
      headerExtensions,
      headerExtensions.map((extension) => ({ ...extension, preferredId: dice.pick([1, 15, 255]) })),
    ]),
  };
}
