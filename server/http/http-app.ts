import { existsSync } from 'node:fs';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, LogController } from 'fastify';
import { CONTENT_SECURITY_POLICY } from '../console/policy.ts';
import type { ServerErrorCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import { PROBLEM_CONTENT_TYPE, problemOf } from './problem.ts';

/** What /healthz tells. */
export interface Health {
  readonly status: 'ok' | 'degraded' | 'draining';
  readonly calls: number;
  readonly slots: number;
  readonly isMediaUp: boolean;
  readonly isEngineUp: boolean;
}

export interface HttpAppOptions {
  /** The call page as vite built it. */
  readonly pageDir: string;
  readonly health: () => Health;
  readonly logger: Logger;
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
}

// No path takes a body yet; small enough that a thousand of them are nothing.
const BODY_BYTES_MAX = 16 * 1024;
const REQUEST_MS_MAX = 10_000;

const SECURITY_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** The HTTP side of the server: the call page at `/`, `/healthz`, and problem documents for all else. */
export async function createHttpApp({ pageDir, health, logger, tls }: HttpAppOptions): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: logger as FastifyBaseLogger,
    // A request log would hold callers' addresses.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 256 },
    frameworkErrors: (error, _request, reply) => void refuse(reply, 'HTTP_REQUEST_INVALID', error.statusCode ?? 400),
    ...(tls && { https: tls }),
  }) as FastifyInstance;

  app.addHook('onSend', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
  });
  app.setNotFoundHandler((_request, reply) => refuse(reply, 'ROUTE_UNKNOWN', 404));
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error({ err: error }, 'an HTTP request failed');
    return refuse(reply, 'HTTP_REQUEST_INVALID', status);
  });
  app.get('/healthz', async (_request, reply) => {
    const now = health();
    return reply.code(now.status === 'ok' ? 200 : 503).send(now);
  });
  if (existsSync(pageDir)) {
    await app.register(fastifyStatic, { root: pageDir, dotfiles: 'deny', index: 'index.html' });
  } else {
    app.get('/', (_request, reply) => refuse(reply, 'PAGE_NOT_BUILT', 503));
  }
  return app;
}

function refuse(reply: FastifyReply, code: ServerErrorCode, status: number): FastifyReply {
  return reply.code(status).type(PROBLEM_CONTENT_TYPE).send(problemOf(code, status));
}
