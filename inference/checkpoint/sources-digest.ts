import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A hex digest of the code in these folders, tests apart: what it wrote earlier is old as soon as it changes, without a
 * version number to forget.
 */
export function sourcesDigest(folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const name of readdirSync(folder).toSorted()) {
      if (name.endsWith('.ts') && !name.endsWith('.test.ts')) hash.update(readFileSync(join(folder, name)));
    }
  }
  return hash.digest('hex');
}
