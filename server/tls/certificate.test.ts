import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { localCertificate } from './certificate.ts';

const NOW = new Date();
const HOSTS = ['192.168.1.5', '127.0.0.1', 'localhost'];
const directories: string[] = [];
afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

async function givenDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-tls-'));
  directories.push(directory);
  return directory;
}

describe('the certificate for the local network', () => {
  it('is one that TLS accepts for each of its hosts, and a browser for its age', async () => {
    const { key, cert } = await localCertificate(await givenDirectory(), HOSTS, NOW);
    const server = createServer({ key, cert }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket = connect({ port, host: '127.0.0.1', ca: cert });
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    socket.destroy();
    server.close();
    const parsed = new X509Certificate(cert);
    expect(HOSTS.map((host) => (isIP(host) ? parsed.checkIP(host) : parsed.checkHost(host)))).toEqual(HOSTS);
    expect((Date.parse(parsed.validTo) - Date.parse(parsed.validFrom)) / 86_400_000).toBeLessThanOrEqual(398);
  });

  it('is kept between starts, readable by its owner alone', async () => {
    const directory = await givenDirectory();
    const first = await localCertificate(directory, HOSTS, NOW);
    expect(await localCertificate(directory, ['127.0.0.1'], NOW)).toEqual(first);
    expect((await stat(join(directory, 'certificate.json'))).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['does not cover an address', ['192.168.7.7'], NOW],
    ['is about to expire', HOSTS, new Date(NOW.getTime() + 380 * 86_400_000)],
  ])('is made anew when it %s', async (_, hosts, now) => {
    const directory = await givenDirectory();
    const first = await localCertificate(directory, HOSTS, NOW);
    expect((await localCertificate(directory, hosts, now)).cert).not.toBe(first.cert);
  });

  it('is made anew when the kept one is damaged', async () => {
    const directory = await givenDirectory();
    await writeFile(join(directory, 'certificate.json'), '{"cert":"x","key":"y"}');
    expect((await localCertificate(directory, HOSTS, NOW)).cert).toContain('BEGIN CERTIFICATE');
  });
});
