import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const DAY_MS = 86_400_000;
/** Browsers refuse server certificates that are valid for longer than 398 days. */
const VALID_DAYS = 397;
const RENEW_BEFORE_MS = 30 * DAY_MS;

/**
 * The self-signed certificate of a server on the local network, kept between starts so that a browser asks about it
 * once.
 *
 * @param directory where it is kept, made if absent.
 * @param hosts names and addresses that it must cover; a new one is made when the kept one lacks any.
 */
export async function localCertificate(directory: string, hosts: readonly string[], now: Date): Promise<Certificate> {
  const file = join(directory, 'certificate.json');
  const kept = await readKept(file);
  if (kept && isUsable(kept, hosts, now)) return kept;
  const made = await makeCertificate(hosts, now);
  await mkdir(directory, { recursive: true });
  // Renamed into place, so that another start never reads half of it; the key is for this user's eyes only.
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, JSON.stringify(made), { mode: 0o600 });
  await rename(draft, file);
  return made;
}

async function makeCertificate(hosts: readonly string[], now: Date): Promise<Certificate> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'Parley on the local network' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // A clock that runs a little behind must not find it in the future.
    notBeforeDate: new Date(now.getTime() - DAY_MS),
    notAfterDate: new Date(now.getTime() + (VALID_DAYS - 1) * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: hosts.map((host) => (isIP(host) ? { type: 7, ip: host } : { type: 2, value: host })),
      },
    ],
  });
  return { key, cert };
}

async function readKept(file: string): Promise<Certificate | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    // Absent or damaged: a new one is made in its place.
    return undefined;
  }
}

function isUsable({ cert }: Certificate, hosts: readonly string[], now: Date): boolean {
  try {
    const parsed = new X509Certificate(cert);
    const isFresh = Date.parse(parsed.validTo) - now.getTime() > RENEW_BEFORE_MS;
    return isFresh && hosts.every((host) => (isIP(host) ? parsed.checkIP(host) : parsed.checkHost(host)));
  } catch {
    // Not a certificate: a new one is made in its place.
    return false;
  }
}
