import { describe, expect, it } from 'vitest';
import { FRAME_SAMPLES, levelDbfs, PACKET_SAMPLES, SAMPLE_RATE_HZ } from '../audio.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { toneSnrDb } from '../testing/signals.ts';
import { OpusDecoder } from './opus-decoder.ts';
import { OpusEncoder } from './opus-encoder.ts';
import { readOpusPacket } from './opus-packet.ts';

function tone(sampleCount: number, hz = 440, amplitude = 0.3): Float32Array {
  return Float32Array.from({ length: sampleCount }, (_, i) =>
    Math.fround(amplitude * Math.sin((2 * Math.PI * hz * i) / SAMPLE_RATE_HZ)),
  );
}

function encodeAll(encoder: OpusEncoder, pcm: Float32Array, packetSamples = PACKET_SAMPLES): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at + packetSamples <= pcm.length; at += packetSamples) {
    packets.push(encoder.encode(pcm.subarray(at, at + packetSamples)));
  }
  return packets;
}

function join(parts: Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

describe('Opus at 24 kHz', () => {
  it('carries a tone at its bit rate', () => {
    using encoder = new OpusEncoder();
    using decoder = new OpusDecoder();
    const packets = encodeAll(encoder, tone(2 * SAMPLE_RATE_HZ));
    const bytes = packets.reduce((sum, packet) => sum + packet.length, 0);
    expect((bytes * 8) / 2).toBeGreaterThan(12_000);
    expect((bytes * 8) / 2).toBeLessThan(32_000);
    const decoded = join(packets.map((packet) => decoder.decode(packet)));
    expect(decoded.length).toBe(2 * SAMPLE_RATE_HZ);
    expect(toneSnrDb(decoded.subarray(SAMPLE_RATE_HZ), 440)).toBeGreaterThan(15);
    expect(levelDbfs(decoded.subarray(SAMPLE_RATE_HZ))).toBeCloseTo(levelDbfs(tone(SAMPLE_RATE_HZ)), 0);
  });

  it('codes all 12 kHz of a voice together with its copies for error correction', () => {
    using encoder = new OpusEncoder();
    let phase = 0;
    const pcm = Float32Array.from({ length: 100 * PACKET_SAMPLES }, (_, i) => {
      phase += (2 * Math.PI * (140 + 60 * Math.sin(i / 2000))) / SAMPLE_RATE_HZ;
      return 0.2 * Math.sign(Math.sin(phase)) * (0.6 + 0.4 * Math.sin(i / 900));
    });
    const packets = encodeAll(encoder, pcm).slice(50);
    // RFC 6716 §3.1: configurations 12 to 15 are the super-wideband ones that SILK, and so the copies, take part in.
    expect(packets.filter((packet) => packet[0]! >> 3 >= 12 && packet[0]! >> 3 <= 15)).toHaveLength(50);
    expect(packets.filter((packet) => readOpusPacket(packet).hasFec).length).toBeGreaterThan(25);
  });

  it.each([10, 20, 40, 60])('decodes packets of %i ms by what they say', (packetMs) => {
    using encoder = new OpusEncoder();
    using decoder = new OpusDecoder();
    const [packet] = encodeAll(encoder, tone(1440), packetMs * 24);
    expect(readOpusPacket(packet!).packetMs).toBe(packetMs);
    expect(decoder.decode(packet!).length).toBe(packetMs * 24);
  });

  it('restores a lost packet better from the next one than it conceals it', () => {
    using encoder = new OpusEncoder({ expectedLossPercent: 20 });
    // Speech-like: a harmonic sound whose pitch glides, so that what comes cannot be guessed from what was.
    let phase = 0;
    const pcm = Float32Array.from({ length: 50 * PACKET_SAMPLES }, (_, i) => {
      phase += (2 * Math.PI * (140 + 60 * Math.sin(i / 2000))) / SAMPLE_RATE_HZ;
      const envelope = 0.6 + 0.4 * Math.sin(i / 1100);
      return envelope * (0.2 * Math.sin(phase) + 0.1 * Math.sin(3 * phase) + 0.07 * Math.sin(5 * phase));
    });
    const packets = encodeAll(encoder, pcm);
    const errorOf = (restore: (decoder: OpusDecoder, index: number) => Float32Array): number => {
      using complete = new OpusDecoder();
      using lossy = new OpusDecoder();
      let error = 0;
      packets.forEach((packet, index) => {
        const wanted = complete.decode(packet);
        // Not every packet carries a copy: the encoder leaves it out where it hears no voice.
        const isLost = index % 5 === 3 && readOpusPacket(packets[index + 1]!).hasFec;
        const got = isLost ? restore(lossy, index) : lossy.decode(packet);
        if (isLost) for (const [i, sample] of got.entries()) error += (sample - wanted[i]!) ** 2;
      });
      return error;
    };
    expect(packets.slice(4).filter((packet) => readOpusPacket(packet).hasFec).length).toBeGreaterThan(20);
    const withFec = errorOf((decoder, index) => decoder.decodeFec(packets[index + 1]!, PACKET_SAMPLES));
    const withoutFec = errorOf((decoder) => decoder.conceal(PACKET_SAMPLES));
    expect(withFec).toBeLessThan(withoutFec / 4);
  });

  it('fades out while it conceals', () => {
    using encoder = new OpusEncoder();
    using decoder = new OpusDecoder();
    for (const packet of encodeAll(encoder, tone(SAMPLE_RATE_HZ))) decoder.decode(packet);
    expect(levelDbfs(decoder.conceal(PACKET_SAMPLES))).toBeGreaterThan(-25);
    for (let i = 0; i < 20; i += 1) decoder.conceal(PACKET_SAMPLES);
    expect(levelDbfs(decoder.conceal(PACKET_SAMPLES))).toBeLessThan(-40);
  });
});

describe('bad input to Opus', () => {
  it('gives a typed error or audio for 5,000 random and broken packets, and then still decodes', () => {
    const random = seededRandom(7);
    using encoder = new OpusEncoder();
    using decoder = new OpusDecoder();
    const good = encodeAll(encoder, tone(SAMPLE_RATE_HZ));
    let refused = 0;
    for (let round = 0; round < 5_000; round += 1) {
      const source = good[round % good.length]!;
      const packet = random() < 0.5 ? source.slice() : new Uint8Array(Math.floor(random() * 400));
      for (let i = 0; i < packet.length; i += 1) if (random() < 0.3) packet[i] = Math.floor(random() * 256);
      const cut = packet.subarray(0, Math.floor(random() * (packet.length + 1)));
      try {
        const pcm = random() < 0.5 ? decoder.decode(cut) : decoder.decodeFec(cut, PACKET_SAMPLES);
        expect(pcm.every(Number.isFinite)).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: 'OPUS_PACKET_INVALID' });
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(100);
    const after = join(good.map((packet) => decoder.decode(packet)));
    expect(toneSnrDb(after.subarray(SAMPLE_RATE_HZ / 2), 440)).toBeGreaterThan(15);
  });

  it.each([
    ['an empty packet', []],
    ['a code 3 packet of no frames', [0b11111011, 0]],
    ['a packet of 48 frames of 60 ms', [0b01011011, 48]],
    ['a code 2 packet whose first frame is longer than it', [0b01001010, 200, 1, 2]],
  ])('refuses %s', (_, bytes) => {
    using decoder = new OpusDecoder();
    expect(() => decoder.decode(Uint8Array.from(bytes))).toThrow(/OPUS_PACKET_INVALID/);
  });

  it('refuses samples that are not finite without harming what follows', () => {
    using encoder = new OpusEncoder();
    const broken = tone(PACKET_SAMPLES);
    broken[100] = Number.NaN;
    expect(() => encoder.encode(broken)).toThrow(/FRAME_INVALID/);
    expect(() => encoder.encode(tone(FRAME_SAMPLES))).toThrow(/FRAME_INVALID/);
    using decoder = new OpusDecoder();
    const decoded = join(encodeAll(encoder, tone(SAMPLE_RATE_HZ)).map((packet) => decoder.decode(packet)));
    expect(toneSnrDb(decoded.subarray(SAMPLE_RATE_HZ / 2), 440)).toBeGreaterThan(15);
  });

  it('says what is wrong when libopus is not there, or an option is out of range', () => {
    expect(() => new OpusDecoder('/nowhere/libopus.so')).toThrow(/OPUS_LIBRARY_UNAVAILABLE/);
    expect(() => new OpusEncoder({ complexity: 11 })).toThrow(/OPUS_CODEC_FAILED: opus_encoder_ctl 4010 = 11/);
  });

  it('throws after close, and closes twice in peace', () => {
    const encoder = new OpusEncoder();
    const decoder = new OpusDecoder();
    encoder.close();
    encoder.close();
    decoder.close();
    decoder.close();
    expect(() => encoder.encode(tone(PACKET_SAMPLES))).toThrow(/OPUS_CODEC_CLOSED/);
    expect(() => decoder.conceal(PACKET_SAMPLES)).toThrow(/OPUS_CODEC_CLOSED/);
  });
});
