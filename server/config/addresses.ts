import { BlockList, isIP } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { ServerError } from '../errors.ts';
import type { Config } from './schema.ts';

/** Where the server listens and what it tells callers. */
export interface Addresses {
  /** What HTTP binds. */
  readonly httpHost: string;
  /** Hosts under which the page is reached, the most useful first. */
  readonly pageHosts: readonly string[];
  /** What media binds. */
  readonly mediaListen: readonly { readonly ip: string; readonly announcedAddress?: string }[];
  readonly isTls: boolean;
  /** From how far the page is reached: this machine alone, the private networks that it is in, or beyond them. */
  readonly reach: 'machine' | 'private' | 'public';
}

/** Ranges that the Internet does not route to: RFC 1918, 3927, 4193, 4291 and 6598. */
const NOT_PUBLIC = new BlockList();
NOT_PUBLIC.addSubnet('127.0.0.0', 8, 'ipv4');
NOT_PUBLIC.addSubnet('10.0.0.0', 8, 'ipv4');
NOT_PUBLIC.addSubnet('172.16.0.0', 12, 'ipv4');
NOT_PUBLIC.addSubnet('192.168.0.0', 16, 'ipv4');
NOT_PUBLIC.addSubnet('169.254.0.0', 16, 'ipv4');
NOT_PUBLIC.addSubnet('100.64.0.0', 10, 'ipv4');
NOT_PUBLIC.addAddress('::1', 'ipv6');
NOT_PUBLIC.addSubnet('fc00::', 7, 'ipv6');
NOT_PUBLIC.addSubnet('fe80::', 10, 'ipv6');

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');

/**
 * Decides what to bind and announce.
 *
 * @param interfaces `os.networkInterfaces()` of this machine.
 * @throws {ServerError} `ACCESS_PUBLIC_REFUSED` where open access would reach beyond private networks unasked.
 */
export function planAddresses(config: Config, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): Addresses {
  const httpHost = config.http.host ?? (config.lan ? '0.0.0.0' : '127.0.0.1');
  const bound = isWildcard(httpHost) ? addressesOf(httpHost, interfaces) : [httpHost];
  const publicOnes = bound.filter((address) => !isPrivate(address));
  if (publicOnes.length > 0 && !config.allowPublic) {
    throw new ServerError('ACCESS_PUBLIC_REFUSED', `open access would be served on ${publicOnes.join(', ')}`);
  }
  const { announcedAddress } = config.media;
  const reached = bound.filter((address) => !isLoopback(address));
  return {
    httpHost,
    pageHosts: [...(announcedAddress ? [announcedAddress] : []), ...reached, ...bound.filter(isLoopback)],
    mediaListen: bound.map((host, index) => {
      const ip = host === 'localhost' ? '127.0.0.1' : host;
      // One announced address stands for the first reachable one; the rest are told as they are.
      const isAnnounced = announcedAddress !== undefined && (reached.length === 0 ? index === 0 : host === reached[0]);
      return isAnnounced ? { ip, announcedAddress } : { ip };
    }),
    isTls: config.lan,
    reach: publicOnes.length > 0 ? 'public' : reached.length > 0 ? 'private' : 'machine',
  };
}

/** What a wildcard stands for: `0.0.0.0` every IPv4 address, `::` every IPv4 and IPv6 address. */
function addressesOf(wildcard: string, interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
  const hosts = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    // Without its zone, which no URL and no ICE candidate carries, a link-local address leads nowhere.
    .filter(({ family, address, internal }) => !internal && !(family === 'IPv6' && isLinkLocal(address)));
  const ofFamily = (wanted: 'IPv4' | 'IPv6') =>
    hosts.filter(({ family }) => family === wanted).map(({ address }) => address);
  return ['127.0.0.1', ...ofFamily('IPv4'), ...(isIP(wildcard) === 6 ? ofFamily('IPv6') : [])];
}

function isWildcard(host: string): boolean {
  // The URL's spelling is the one of the many of `::` that is always the same.
  return host === '0.0.0.0' || (isIP(host) === 6 && new URL(`http://[${host}]`).hostname === '[::]');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function isLinkLocal(ipv6: string): boolean {
  return LINK_LOCAL.check(ipv6, 'ipv6');
}

function isPrivate(host: string): boolean {
  return host === 'localhost' || NOT_PUBLIC.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
}
