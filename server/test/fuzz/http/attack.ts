import type { Dice } from '../dice.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { encodeRequest, type RequestParts, someHttpRequest } from './request-parts.ts';

/** What is written to a fresh TCP connection, piece by piece, and how it is left. */
export interface HttpAttack {
  readonly pieces: readonly Buffer[];
  /** Between pieces. */
  readonly pauseMs: number;
  /** `end`: says goodbye and waits; `reset`: is gone; `linger`: stays silent for a moment, then is gone. */
  readonly leave: 'end' | 'reset' | 'linger';
}

const METHODS = [
  'HEAD',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PUT',
  'DELETE',
  'PATCH',
  'get',
  'M-SEARCH',
  '',
  'GET\tX',
  'PRI',
];
const VERSIONS = ['HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/9.9', 'http/1.1', 'HTTP/1.1 ', 'HTTP', ''];
const TARGETS = [
  '*',
  '//',
  '/%',
  '/%zz',
  '/%00',
  '/..%2f..%2f..%2fetc/passwd',
  '/../../../../etc/passwd',
  '/....//....//etc/passwd',
  '/%2e%2e/%2e%2e/package.json',
  '/.git/config',
  '/\\..\\..\\main.ts',
  'http://127.0.0.1:1/',
  'http://',
  '/?__proto__[x]=1',
  `/${'a/'.repeat(2000)}`,
  `/${'A'.repeat(9000)}`,
  `/?${'a=b&'.repeat(2000)}`,
  '/socket.io',
  '/socket.io/',
  '/socket.io/?EIO=3&transport=websocket',
  '/socket.io/?EIO=4&transport=websocket&sid=unknown',
  '/socket.io/?EIO=4&transport=webtransport',
  '/socket.io/?EIO[]=4&transport[]=websocket',
  '/socket.io/?EIO=4&transport=__proto__',
  '/socket.io/%2e%2e/healthz',
  '/\u00e9\u00ff',
];
const HEADERS: readonly (readonly [string, string])[] = [
  ['Host', ''],
  ['Host', 'evil.example:1, other'],
  ['Content-Length', '-1'],
  ['Content-Length', '99999999999999999999'],
  ['Content-Length', '5'],
  ['Content-Length', '0x10'],
  ['Transfer-Encoding', 'chunked'],
  ['Transfer-Encoding', 'chunked, identity'],
  ['Transfer-Encoding', 'gzip'],
  ['Content-Type', 'application/json'],
  ['Content-Type', ';;;charset='],
  ['Content-Encoding', 'gzip'],
  ['Expect', '100-continue'],
  ['Expect', 'a miracle'],
  ['Connection', 'Upgrade, close, keep-alive'],
  ['Upgrade', 'h2c'],
  ['Upgrade', 'websocket, websocket'],
  ['Sec-WebSocket-Version', '8'],
  ['Sec-WebSocket-Version', '-1'],
  ['Sec-WebSocket-Key', 'short'],
  ['Sec-WebSocket-Key', ''],
  ['Sec-WebSocket-Extensions', 'permessage-deflate; server_max_window_bits=99'],
  ['Sec-WebSocket-Extensions', ';;=,"'],
  ['Sec-WebSocket-Protocol', ',,a,a'],
  ['Origin', 'https://evil.example'],
  ['Origin', 'not an origin'],
  ['Range', 'bytes=9999999999-'],
  ['Range', 'bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0'],
  ['If-Modified-Since', 'yesterday'],
  ['Cookie', 'a=b; '.repeat(300)],
  ['X-Long', 'x'.repeat(20_000)],
  ['Bad Name', 'x'],
  ['', 'x'],
  ['X-Fold', 'a\r\n b'],
  ['X-Nul', 'a\u0000b'],
  ['X-Lf', 'a\nInjected: 1'],
];
const BODIES = ['5\r\nhello\r\n0\r\n\r\n', 'ffffffffffffffff\r\n', '-1\r\n', '0\r\nTrailer: x\r\n\r\n', '{', '\u0000'];

/** A request with one part wrong, or bytes that are none; pipelined, slow or abandoned now and then. */
export function makeHttpAttack(dice: Dice, host: string): HttpAttack {
  const request = someHttpRequest(dice, host);
  const mutated = mutate(dice, request);
  const bytes = dice.chance(0.15) ? Buffer.concat([mutated, encodeRequest(someHttpRequest(dice, host))]) : mutated;
  const isSlow = dice.chance(0.15);
  return {
    pieces: isSlow ? cut(dice, bytes) : [bytes],
    pauseMs: isSlow ? dice.pick([0, 2, 20]) : 0,
    leave: dice.pick(['end', 'end', 'end', 'end', 'end', 'end', 'reset', 'linger']),
  };
}

function mutate(dice: Dice, request: RequestParts): Buffer {
  const { headers } = request;
  const at = dice.below(headers.length + 1);
  const taken = headers[Math.min(at, headers.length - 1)]!;
  const parts = dice.pick<() => Partial<RequestParts>>([
    () => ({ method: dice.pick(METHODS) }),
    () => ({ target: dice.pick(TARGETS) }),
    () => ({ target: dice.pick(TARGETS) }),
    () => ({ version: dice.pick(VERSIONS) }),
    () => ({ headers: headers.toSpliced(at, 0, dice.pick(HEADERS)) }),
    () => ({ headers: headers.toSpliced(at, 0, dice.pick(HEADERS)) }),
    () => ({ headers: headers.toSpliced(at, 1) }),
    () => ({ headers: headers.toSpliced(at, 0, taken) }),
    () => ({ headers: headers.toSpliced(at, 1, [taken[0], dice.pick(HEADERS)[1]]) }),
    () => ({ headers: [...headers, ...Array.from({ length: 2100 }, (_, i) => [`X-${i}`, 'x'] as const)] }),
    () => ({ headers: [...headers, ['Transfer-Encoding', 'chunked']], body: Buffer.from(dice.pick(BODIES)) }),
    () => ({ body: dice.bytes(dice.between(1, 300)) }),
    () => ({ method: 'POST', headers: [...headers, ['Content-Length', '1000']], body: dice.bytes(dice.below(1500)) }),
    () => ({}),
  ])();
  const bytes = encodeRequest({ ...request, ...parts });
  if (Object.keys(parts).length > 0) return bytes;
  return dice.chance(0.7) ? mutateBytes(dice, bytes) : dice.bytes(dice.between(1, 300));
}

function cut(dice: Dice, bytes: Buffer): Buffer[] {
  const edges = [0, dice.below(bytes.length + 1), dice.below(bytes.length + 1), bytes.length].sort((a, b) => a - b);
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
}
