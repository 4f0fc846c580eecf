import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ParleyNode } from '../node.ts';
import { Callers, untilHeard } from './callers.ts';
import { givenNode } from './given-node.ts';

let stateDir: string;
let node: ParleyNode;
const callers = new Callers();
beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'parley-lan-'));
  // The machine that runs the tests may have a public address: that it is refused unasked is proved elsewhere.
  node = await givenNode({ lan: true, allowPublic: true }, stateDir);
});
afterAll(async () => {
  callers.closeAll();
  await node.close('server-shutdown');
  await rm(stateDir, { recursive: true });
});

describe('a server on the local network', () => {
  it('serves over TLS at every address that it names, with a certificate that holds there', async () => {
    const { cert } = JSON.parse(await readFile(join(stateDir, 'certificate.json'), 'utf8'));
    for (const url of node.urls) {
      const status = await new Promise((resolve, reject) => {
        request(new URL('healthz', url), { ca: cert, agent: false }, ({ statusCode }) => resolve(statusCode))
          .on('error', reject)
          .end();
      });
      expect(status).toBe(200);
    }
  });

  it('takes a call at the first of them', async () => {
    expect(node.urls[0]).toMatch(/^https:/);
    const caller = await callers.call(node, 555);
    await untilHeard(caller, 555);
  });
});
