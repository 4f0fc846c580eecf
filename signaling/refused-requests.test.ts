import type { Socket as ClientSocket } from 'socket.io-client';
import { afterEach, describe, expect, it } from 'vitest';
import { PACKET_BYTES_MAX, REQUEST_BYTES_MAX } from './index.ts';
import {
  ask,
  closeAll,
  codeOf,
  DTLS,
  givenClient,
  givenRawClient,
  givenServer,
  goLive,
  JOIN,
  RTP,
  statesOf,
  untilEvent,
} from './testing/given-server.ts';

afterEach(closeAll);

describe('a request that cannot be served', () => {
  it.each([
    ['an unknown name', 'REQUEST_UNKNOWN', 'order-pizza', {}],
    ['the name of an inherited property', 'REQUEST_UNKNOWN', 'constructor', {}],
    ['no object', 'REQUEST_INVALID', 'join', 'hello'],
    ['an unknown field', 'REQUEST_INVALID', 'join', { ...JOIN, extra: 1 }],
    ['another version', 'PROTOCOL_UNSUPPORTED', 'join', { protocolVersion: 99 }],
    ['too many bytes', 'REQUEST_TOO_LARGE', 'join', { ...JOIN, extra: 'x'.repeat(REQUEST_BYTES_MAX) }],
    ['too many bytes of few characters', 'REQUEST_TOO_LARGE', 'join', { ...JOIN, extra: '€'.repeat(6000) }],
    ['binary data', 'REQUEST_INVALID', 'join', Buffer.from('join')],
    ['a step before join', 'REQUEST_OUT_OF_ORDER', 'consume', { rtpCapabilities: {} }],
    ['a hang-up before join', 'REQUEST_OUT_OF_ORDER', 'hangup', {}],
  ])('%s is answered with %s and harms no other call', async (_, code, name, payload) => {
    const { url, host, defects } = await givenServer();
    const [good, bad] = [await givenClient(url), await givenClient(url)];
    await ask(good.client, 'join', JOIN);
    await goLive(good.client);
    expect(await codeOf(bad.client, name, payload)).toBe(code);
    expect(await codeOf(bad.client, 'join', JOIN)).toBe('ok');
    expect(statesOf(good.events)).toEqual(['joining', 'connecting', 'live']);
    expect(host.closedFor).toEqual([]);
    expect(defects).toEqual([]);
  });

  it.each([
    ['join', JOIN, 'REQUEST_OUT_OF_ORDER'],
    ['rejoin', {}, 'REQUEST_OUT_OF_ORDER'],
    ['transport:connect', { transportId: 'send-1', dtlsParameters: DTLS }, 'REQUEST_OUT_OF_ORDER'],
    ['transport:connect', { transportId: 'elsewhere', dtlsParameters: DTLS }, 'TRANSPORT_UNKNOWN'],
    ['produce', { transportId: 'send-1', rtpParameters: RTP }, 'REQUEST_OUT_OF_ORDER'],
    ['consume', { rtpCapabilities: {} }, 'REQUEST_OUT_OF_ORDER'],
  ])('%s of a live call, once too often, is answered with its code', async (name, payload, code) => {
    const { url } = await givenServer();
    const { client, events } = await givenClient(url);
    await ask(client, 'join', JOIN);
    await goLive(client);
    expect(await codeOf(client, name, payload)).toBe(code);
    expect(statesOf(events).at(-1)).toBe('live');
  });

  it('is told CALL_CLOSED after the end', async () => {
    const { url } = await givenServer();
    const { client } = await givenClient(url);
    await ask(client, 'join', JOIN);
    await ask(client, 'hangup', {});
    expect(await codeOf(client, 'consume', { rtpCapabilities: {} })).toBe('CALL_CLOSED');
  });

  it('without an acknowledgement is told by a fault', async () => {
    const { url } = await givenServer();
    const { client } = await givenClient(url);
    const fault = untilEvent(client, 'fault');
    (client as ClientSocket).emit('join', JOIN);
    expect(await fault).toMatchObject({ error: { code: 'ACK_MISSING' } });
  });

  it('named by a number is answered with REQUEST_UNKNOWN', async () => {
    const { url, defects } = await givenServer();
    const raw = await givenRawClient(url);
    raw.socket.send('420[7,{}]');
    await expect.poll(() => raw.received.at(-1)).toMatch(/^430\[\{"ok":false,"error":\{"code":"REQUEST_UNKNOWN"/);
    expect(defects).toEqual([]);
  });

  it('nested deeper than any stack is answered with REQUEST_TOO_LARGE', async () => {
    const { url } = await givenServer();
    const raw = await givenRawClient(url);
    raw.socket.send(`420["join",${'['.repeat(25_000)}${']'.repeat(25_000)}]`);
    await expect.poll(() => raw.received.at(-1)).toMatch(/^430\[\{"ok":false,"error":\{"code":"REQUEST_TOO_LARGE"/);
  });

  it.each([
    '',
    'x',
    '42',
    '42[',
    '420["join"',
    '42["connect"]',
    '459-["join",{}]',
    '451-["join",{"_placeholder":true,"num":9}]',
  ])('that is not socket.io (%j) closes its own connection at most', async (frame) => {
    const { url, defects } = await givenServer();
    const { client } = await givenClient(url);
    const raw = await givenRawClient(url);
    raw.socket.send(frame);
    raw.socket.send(new Uint8Array([1, 2, 3]));
    expect(await codeOf(client, 'join', JOIN)).toBe('ok');
    expect(defects).toEqual([]);
  });

  it('beyond the rate is answered with RATE_EXCEEDED, and the rate recovers', async () => {
    const { url } = await givenServer({ requestsPerSecondMax: 20 });
    const { client } = await givenClient(url);
    const codes = await Promise.all(Array.from({ length: 60 }, () => codeOf(client, 'hangup', {})));
    expect(new Set(codes)).toEqual(new Set(['REQUEST_OUT_OF_ORDER', 'RATE_EXCEEDED']));
    await expect.poll(() => codeOf(client, 'hangup', {})).toBe('REQUEST_OUT_OF_ORDER');
  });

  it('without an acknowledgement count too, and draw no more than the rate', async () => {
    const { url } = await givenServer({ requestsPerSecondMax: 20 });
    const { client, events } = await givenClient(url);
    for (let i = 0; i < 60; i += 1) (client as ClientSocket).emit('hangup', {});
    // The answer comes after everything that was sent before.
    expect(await codeOf(client, 'hangup', {})).toBe('RATE_EXCEEDED');
    const faults = events.filter(([name]) => name === 'fault').length;
    expect(faults).toBeGreaterThanOrEqual(40);
    expect(faults).toBeLessThan(50);
  });

  it('far beyond the rate close their own connection, and end its call', async () => {
    const { url, host } = await givenServer({ requestsPerSecondMax: 20 });
    const [good, bad] = [await givenClient(url), await givenClient(url)];
    expect(await codeOf(bad.client, 'join', JOIN)).toBe('ok');
    const gone = new Promise((resolve) => bad.client.once('disconnect', resolve));
    for (let i = 0; i < 200; i += 1) (bad.client as ClientSocket).emit('hangup', {});
    await gone;
    expect(host.closedFor).toEqual(['client-gone']);
    expect(await codeOf(good.client, 'join', JOIN)).toBe('ok');
  });

  it('larger than a packet may be closes its own connection only', async () => {
    const { url } = await givenServer();
    const [good, bad] = [await givenClient(url), await givenClient(url)];
    const gone = new Promise((resolve) => bad.client.once('disconnect', resolve));
    (bad.client as ClientSocket).emit('join', { junk: 'x'.repeat(PACKET_BYTES_MAX + 1) });
    await gone;
    expect(await codeOf(good.client, 'join', JOIN)).toBe('ok');
  });

  it('to a host that fails is told INTERNAL, without details, and the defect is reported', async () => {
    const { url, host, defects } = await givenServer();
    const { client } = await givenClient(url);
    host.placing = Promise.reject(new Error('secret detail'));
    host.placing.catch(() => undefined);
    const answer = await ask(client, 'join', JOIN);
    expect(answer).toMatchObject({ ok: false, error: { code: 'INTERNAL' } });
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(defects).toHaveLength(1);
  });
});
