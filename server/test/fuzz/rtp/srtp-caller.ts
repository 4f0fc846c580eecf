import { once } from 'node:events';
import { io, type Socket } from 'socket.io-client';
import {
  IceCandidate,
  RTCDtlsFingerprint,
  RTCDtlsParameters,
  RTCDtlsTransport,
  RTCIceGatherer,
  RTCIceParameters,
  RTCIceTransport,
} from 'werift';
import {
  type Answer,
  type ClientToServerEvents,
  PROTOCOL_VERSION,
  type RequestName,
  type RequestOf,
  type ServerToClientEvents,
  type ValueOf,
} from '../../../../signaling/index.ts';

type Transport = ValueOf<'join'>['sendTransport'];
/** What werift's cipher reads of a header: so a header of any bytes can be encrypted as if it were one. */
type HeaderToEncrypt = Parameters<RTCDtlsTransport['srtp']['encrypt']>[1];

const ANSWER_MS_MAX = 10_000;
const OPUS_PAYLOAD_TYPE = 111;
/** werift's numbers of AEAD_AES_128_GCM and AES128_CM_HMAC_SHA1_80. */
const SRTP_PROFILES = [7, 1] as const;

export interface RtpDatagram {
  readonly header: Buffer;
  readonly payload: Buffer;
}

/** A live call whose RTP and RTCP are whatever the test wants, encrypted as WebRTC demands. */
export class SrtpCaller {
  readonly ssrc: number;
  readonly payloadType = OPUS_PAYLOAD_TYPE;
  /** UDP port of the server's media. */
  mediaPort = 0;
  #socket: Socket<ServerToClientEvents, ClientToServerEvents>;
  #send: RTCDtlsTransport | undefined;
  #recv: RTCDtlsTransport | undefined;
  #isHeard = false;
  #end: string | undefined;

  private constructor(url: string, ssrc: number) {
    this.ssrc = ssrc;
    this.#socket = io(url, { transports: ['websocket'], reconnection: false, forceNew: true });
    this.#socket.on('levels', ({ callerDbfs }) => {
      this.#isHeard = callerDbfs > -90;
    });
    this.#socket.on('ended', ({ reason }) => {
      this.#end = reason;
    });
    this.#socket.on('mediaLost', () => {
      this.#end = 'mediaLost';
    });
  }

  static async place(url: string, ssrc: number): Promise<SrtpCaller> {
    const caller = new SrtpCaller(url, ssrc);
    await once(caller.#socket as never, 'connect', { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    await caller.#place();
    return caller;
  }

  /** Why the server ended the call; undefined while it is live. */
  get end(): string | undefined {
    return this.#end;
  }

  /** Whether the server decoded any sound of this caller in the last fifth of a second. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  sendRtp({ header, payload }: RtpDatagram): void {
    const dtls = this.#send!;
    const cipher: Pick<HeaderToEncrypt, 'ssrc' | 'sequenceNumber' | 'serializeSize' | 'serialize'> = {
      ssrc: header.readUInt32BE(8),
      sequenceNumber: header.readUInt16BE(2),
      serializeSize: header.length,
      serialize: () => Buffer.from(header),
    };
    this.#write(dtls.srtp.encrypt(payload, cipher as HeaderToEncrypt));
  }

  /** @param bytes at least the 8 that hold the sender's SSRC. */
  sendRtcp(bytes: Buffer): void {
    this.#write(this.#send!.srtcp.encrypt(bytes));
  }

  async hangUp(): Promise<void> {
    if (this.#end === undefined) await this.#ask('hangup', {});
    this.#socket.disconnect();
    for (const dtls of [this.#send, this.#recv]) {
      await dtls?.stop();
      await dtls?.iceTransport.stop();
    }
  }

  #write(bytes: Buffer): void {
    // UDP: what does not get out is lost like any other datagram.
    this.#send!.iceTransport.connection.send(bytes).catch(() => undefined);
  }

  async #place(): Promise<void> {
    const offer = await this.#ask('join', { protocolVersion: PROTOCOL_VERSION });
    this.mediaPort = offer.sendTransport.iceCandidates.find(({ protocol }) => protocol === 'udp')!.port;
    this.#send = await this.#connect(offer.sendTransport);
    this.#recv = await this.#connect(offer.recvTransport);
    await this.#ask('produce', {
      transportId: offer.sendTransport.id,
      rtpParameters: {
        mid: '0',
        codecs: [
          {
            mimeType: 'audio/opus',
            payloadType: OPUS_PAYLOAD_TYPE,
            clockRate: 48_000,
            channels: 2,
            parameters: { useinbandfec: 1 },
          },
        ],
        headerExtensions: [{ uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', id: 4 }],
        encodings: [{ ssrc: this.ssrc }],
      },
    });
    await this.#ask('consume', { rtpCapabilities: offer.routerRtpCapabilities });
  }

  async #connect(transport: Transport): Promise<RTCDtlsTransport> {
    const ice = new RTCIceTransport(new RTCIceGatherer());
    ice.connection.iceControlling = true;
    const certificate = await RTCDtlsTransport.SetupCertificate();
    const dtls = new RTCDtlsTransport({}, ice, certificate, [...SRTP_PROFILES]);
    dtls.role = 'client';
    await ice.gather();
    ice.setRemoteParams(new RTCIceParameters(transport.iceParameters));
    for (const { foundation, ip, port, priority, protocol, type } of transport.iceCandidates) {
      if (protocol === 'udp')
        await ice.addRemoteCandidate(new IceCandidate(1, foundation, ip, port, priority, protocol, type));
    }
    const theirs = transport.dtlsParameters.fingerprints.filter(({ algorithm }) => algorithm === 'sha-256');
    const fingerprints = theirs.map(({ algorithm, value }) => new RTCDtlsFingerprint(algorithm, value));
    dtls.setRemoteParams(new RTCDtlsParameters(fingerprints, 'server'));
    const ours = dtls.localParameters.fingerprints.map(({ value }) => ({ algorithm: 'sha-256' as const, value }));
    await this.#ask('transport:connect', {
      transportId: transport.id,
      dtlsParameters: { role: 'client', fingerprints: ours },
    });
    await ice.start();
    await dtls.start();
    return dtls;
  }

  async #ask<Name extends RequestName>(name: Name, request: RequestOf<Name>): Promise<ValueOf<Name>> {
    const socket = this.#socket.timeout(ANSWER_MS_MAX) as unknown as {
      emitWithAck(name: Name, request: RequestOf<Name>): Promise<Answer<ValueOf<Name>>>;
    };
    const answer = await socket.emitWithAck(name, request);
    if (!answer.ok) throw new Error(`${name}: ${answer.error.message}`);
    return answer.value;
  }
}
