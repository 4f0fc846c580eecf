import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { NetworkInterfaceInfo } from 'node:os';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { planAddresses } from './addresses.ts';
import { loadConfig, parseConfig } from './config.ts';

const directories: string[] = [];
afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true });
});

async function givenFile(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-config-'));
  directories.push(directory);
  const file = join(directory, 'parley.config.json');
  await writeFile(file, text);
  return file;
}

const ofInterface = (address: string): NetworkInterfaceInfo => ({
  address,
  internal: false,
  mac: '00:00:00:00:00:00',
  cidr: null,
  ...(address.includes(':')
    ? { family: 'IPv6', netmask: 'ffff:ffff:ffff:ffff::', scopeid: 0 }
    : { family: 'IPv4', netmask: '255.255.255.0' }),
});

describe('the configuration', () => {
  it('has a default for everything', async () => {
    const config = await loadConfig(undefined);
    expect(config).toMatchObject({ access: 'open', lan: false, engine: { name: 'moshi' }, http: { port: 7300 } });
  });

  it('takes the command line before the file, and the file before the defaults', async () => {
    const file = await givenFile('{ "http": { "port": 1, "allowedOrigins": ["https://a.example"] } }');
    const config = await loadConfig(file, { http: { port: 2 }, engine: { name: 'loopback' } });
    expect(config.http).toEqual({ port: 2, allowedOrigins: ['https://a.example'] });
    expect(config.engine.name).toBe('loopback');
  });

  it('names every bad path at once', () => {
    const bad = {
      http: { host: 'example.org', port: 70_000, allowedOrigins: ['https://a.example/path'] },
      engine: { nmae: 'moshi' },
      x: 1,
    };
    expect(() => parseConfig(bad)).toThrow(
      /^CONFIG_INVALID: [\s\S]*http\.host: [\s\S]*http\.port: [\s\S]*http\.allowedOrigins\.0: [\s\S]*engine: [\s\S]*"nmae"[\s\S]*\(top\): [\s\S]*"x"/,
    );
  });

  it.each([
    ['not JSON', '{ "http": ', 'CONFIG_INVALID'],
    ['a list', '[]', 'CONFIG_INVALID'],
    ['a section of the wrong kind', '{ "http": 7 }', 'CONFIG_INVALID'],
    ['accounts, which are not there yet', '{ "access": "accounts" }', 'ACCESS_UNAVAILABLE'],
  ])('refuses a file that is %s', async (_, text, code) => {
    await expect(loadConfig(await givenFile(text), { http: { port: 1 } })).rejects.toMatchObject({ code });
  });

  it('refuses a file that is not there', async () => {
    await expect(loadConfig('/nonexistent/parley.config.json')).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
  });

  it('cannot be changed once read', async () => {
    const config = (await loadConfig(undefined)) as { http: { port: number } };
    expect(() => {
      config.http.port = 1;
    }).toThrow(TypeError);
  });
});

describe('the addresses', () => {
  const plan = (input: object, ...addresses: string[]) =>
    planAddresses(parseConfig(input), { eth0: addresses.map(ofInterface) });

  it('are this machine alone by default', () => {
    expect(plan({}, '192.168.1.5')).toEqual({
      httpHost: '127.0.0.1',
      pageHosts: ['127.0.0.1'],
      mediaListen: [{ ip: '127.0.0.1' }],
      isTls: false,
      reach: 'machine',
    });
  });

  it('are every private address, over TLS, on the local network', () => {
    expect(plan({ lan: true }, '192.168.1.5', '10.0.0.7')).toEqual({
      httpHost: '0.0.0.0',
      pageHosts: ['192.168.1.5', '10.0.0.7', '127.0.0.1'],
      mediaListen: [{ ip: '127.0.0.1' }, { ip: '192.168.1.5' }, { ip: '10.0.0.7' }],
      isTls: true,
      reach: 'private',
    });
  });

  it('of `::` are those of IPv4 and of IPv6, without the link-local ones', () => {
    expect(plan({ http: { host: '::' } }, 'fd00::7', 'fe80::1', '192.168.1.5')).toEqual({
      httpHost: '::',
      pageHosts: ['192.168.1.5', 'fd00::7', '127.0.0.1'],
      mediaListen: [{ ip: '127.0.0.1' }, { ip: '192.168.1.5' }, { ip: 'fd00::7' }],
      isTls: false,
      reach: 'private',
    });
  });

  it('announce the configured address in place of the first reachable one', () => {
    const { mediaListen, pageHosts } = plan({ lan: true, media: { announcedAddress: '192.168.9.9' } }, '172.17.0.2');
    expect(mediaListen).toEqual([{ ip: '127.0.0.1' }, { ip: '172.17.0.2', announcedAddress: '192.168.9.9' }]);
    expect(pageHosts[0]).toBe('192.168.9.9');
  });

  it.each([
    [{ lan: true }, '203.0.113.9'],
    [{ http: { host: '0.0.0.0' } }, '203.0.113.9'],
    [{ http: { host: '203.0.113.9' } }, '203.0.113.9'],
    [{ http: { host: '2001:db8::1' } }, '192.168.1.5'],
    [{ http: { host: '::' } }, '2001:db8::1'],
    [{ http: { host: '::' } }, '203.0.113.9'],
    [{ http: { host: '0:0::0' } }, '2001:db8::1'],
  ])('%j is refused where that is public, unless it is allowed', (input, address) => {
    expect(() => plan(input, address)).toThrow('ACCESS_PUBLIC_REFUSED');
    const { mediaListen, reach } = plan({ ...input, allowPublic: true }, address);
    expect(mediaListen).toContainEqual({ ip: expect.stringMatching(/^(203\.0\.113\.9|2001:db8::1)$/) });
    expect(reach).toBe('public');
  });
});
