import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { HubFile } from './hub.ts';

/**
 * Checks the bytes of a file while they come. The hub states a SHA-256 for large files; for small ones, which lie in
 * git itself, the name of the git object: SHA-1 over `blob SIZE`, a zero byte, and the content.
 */
export class RunningChecksum {
  readonly #hash: Hash;
  readonly #expected: string;

  constructor({ checksum, sizeBytes }: HubFile) {
    this.#expected = checksum.hex;
    this.#hash = createHash(checksum.kind === 'sha256' ? 'sha256' : 'sha1');
    if (checksum.kind === 'git-object') this.#hash.update(`blob ${sizeBytes}\0`);
  }

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** Adds what a file holds. @param report is told how many bytes of it were read. */
  async addFile(path: string, report: (readBytes: number) => void, signal: AbortSignal): Promise<void> {
    let readBytes = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
      this.add(chunk);
      readBytes += chunk.length;
      report(readBytes);
    }
  }

  /** To be called once, at the end. @returns what is wrong, or undefined. */
  problem(): string | undefined {
    const found = this.#hash.digest('hex');
    return found === this.#expected ? undefined : `its checksum is ${found}, the hub says ${this.#expected}`;
  }
}
