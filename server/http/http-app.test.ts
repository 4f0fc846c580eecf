import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogger } from '../log.ts';
import { createHttpApp, type Health } from './http-app.ts';

const HEALTHY: Health = { status: 'ok', calls: 0, slots: 8, isMediaUp: true, isEngineUp: true };
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function givenApp(health: Health = HEALTHY, hasPage = true): Promise<FastifyInstance> {
  const pageDir = await mkdtemp(join(tmpdir(), 'parley-page-'));
  if (hasPage) await writeFile(join(pageDir, 'index.html'), '<!doctype html><title>Parley</title>');
  const app = await createHttpApp({
    pageDir: hasPage ? pageDir : join(pageDir, 'absent'),
    health: () => health,
    logger: createLogger('server', 'silent'),
    tls: undefined,
  });
  closers.push(
    () => app.close(),
    () => rm(pageDir, { recursive: true }),
  );
  return app;
}

function portOf(app: FastifyInstance): number {
  return (app.server.address() as AddressInfo).port;
}

/** Sends bytes as they are. @returns everything that came back until the server closed. */
async function sendRaw(app: FastifyInstance, bytes: string): Promise<string> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const socket = connect(portOf(app), '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  socket.end(bytes);
  await once(socket, 'close');
  return received;
}

describe('the HTTP server', () => {
  it('serves the page with headers that let it use the microphone and nothing foreign', async () => {
    const answer = await (await givenApp()).inject({ url: '/' });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('<title>Parley</title>');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(answer.headers['permissions-policy']).toContain('microphone=(self)');
  });

  it('says how it is', async () => {
    expect((await (await givenApp()).inject({ url: '/healthz' })).json()).toEqual(HEALTHY);
    const draining = await (await givenApp({ ...HEALTHY, status: 'draining' })).inject({ url: '/healthz' });
    expect(draining.statusCode).toBe(503);
  });

  it('says what to do where the page was not built', async () => {
    const answer = await (await givenApp(HEALTHY, false)).inject({ url: '/' });
    expect(answer.json()).toMatchObject({ status: 503, code: 'PAGE_NOT_BUILT' });
  });

  it.each([
    ['an unknown path', { url: '/nowhere' }, 404],
    ['an unknown method', { url: '/healthz', method: 'DELETE' as const }, 404],
    ['a path out of the page', { url: '/../server/main.ts' }, 404],
    ['the same, encoded', { url: '/%2e%2e%2fpackage.json' }, 403],
    ['a broken escape', { url: '/%zz' }, 400],
    ['a null byte', { url: '/%00' }, 403],
    ['JSON that is none', { url: '/healthz', method: 'POST' as const, payload: '{' }, 404],
  ])('answers %s with a problem document', async (_, request, status) => {
    const answer = await (await givenApp()).inject(request);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({ status, code: expect.stringMatching(/^[A-Z_]+$/) });
    expect(answer.body).not.toContain('nowhere');
  });

  it.each([
    ['no HTTP', 'hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['a header section without end', `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx',
      /^HTTP\/1\.1 400 /,
    ],
  ])('refuses %s and goes on serving', async (_, bytes, expected) => {
    const app = await givenApp();
    expect(await sendRaw(app, bytes)).toMatch(expected);
    const url = `http://127.0.0.1:${portOf(app)}/healthz`;
    expect((await fetch(url)).status).toBe(200);
  });
});
