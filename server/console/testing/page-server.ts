import type { AddressInfo, Socket } from 'node:net';
import serveStatic from '@fastify/static';
import fastify from 'fastify';
import { SignalingServer } from '../../../signaling/index.ts';
import { buildConsole } from '../build.ts';
import { CONSOLE_DIST_DIR } from '../page-stamp.mjs';
import { CONTENT_SECURITY_POLICY } from '../policy.ts';
import type { EchoHost } from './echo-host.ts';

export interface PageServer {
  readonly url: string;
  /** Ends every connection without a word, as a killed server does. */
  vanish(): void;
  close(): Promise<void>;
}

/** Serves the built page under its own policy, and the real signaling protocol in front of the host. */
export async function startPageServer(host: EchoHost, connectionsMax = 20): Promise<PageServer> {
  await buildConsole();
  const app = fastify({ forceCloseConnections: true });
  const sockets = new Set<Socket>();
  app.server.on('connection', (socket) => sockets.add(socket));
  await app.register(serveStatic, { root: CONSOLE_DIST_DIR });
  app.addHook('onSend', async (_request, reply) => {
    reply.header('content-security-policy', CONTENT_SECURITY_POLICY);
  });
  const signaling = new SignalingServer(app.server, {
    host,
    allowedOrigins: [],
    connectionsMax,
    requestsPerSecondMax: 50,
    notLiveMsMax: 15_000,
    onDefect: (error) => console.error(error),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    url: `http://localhost:${(app.server.address() as AddressInfo).port}`,
    vanish: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      await signaling.close('server-shutdown');
      await app.close();
    },
  };
}
