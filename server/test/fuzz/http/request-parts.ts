import type { Dice } from '../dice.ts';

/** An HTTP/1.1 request in its parts, before mutation. */
export interface RequestParts {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A request that the server answers: its page, its health, an unknown path, or socket.io's upgrade. */
export function someHttpRequest(dice: Dice, host: string): RequestParts {
  const get = (target: string, ...headers: [string, string][]): RequestParts => ({
    method: 'GET',
    target,
    version: 'HTTP/1.1',
    headers: [['Host', host], ['Accept', '*/*'], ...headers],
    body: Buffer.alloc(0),
  });
  return dice.pick([
    () => get('/'),
    () => get('/healthz'),
    () => get('/no-such-page'),
    () => get('/', ['If-None-Match', 'W/"1-2"'], ['Range', 'bytes=0-10'], ['Accept-Encoding', 'gzip, br']),
    () => get('/socket.io/?EIO=4&transport=polling'),
    () => upgrade(get('/socket.io/?EIO=4&transport=websocket')),
    () => upgrade(get('/socket.io/?EIO=4&transport=websocket')),
    () => post(dice, get('/healthz')),
  ])();
}

function upgrade(request: RequestParts): RequestParts {
  const headers = [
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', KEY],
  ] as const;
  return { ...request, headers: [...request.headers, ...headers] };
}

function post(dice: Dice, request: RequestParts): RequestParts {
  const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(dice.pick([0, 10, 20_000])) }));
  return {
    ...request,
    method: 'POST',
    headers: [...request.headers, ['Content-Type', 'application/json'], ['Content-Length', String(body.length)]],
    body,
  };
}

export function encodeRequest({ method, target, version, headers, body }: RequestParts): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${method} ${target} ${version}\r\n${lines}\r\n`, 'latin1'), body]);
}
