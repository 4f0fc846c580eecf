import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const CONSOLE_DIR = fileURLToPath(new URL('.', import.meta.url));
const ROOT_DIR = fileURLToPath(new URL('../../', import.meta.url));
const SOURCES = ['server/console', 'sdk', 'signaling', 'package-lock.json'];
/** Where the built page lies, and what the server serves at `/`. */
export const CONSOLE_DIST_DIR = join(CONSOLE_DIR, 'dist');
const STAMP_FILE = join(CONSOLE_DIST_DIR, '.built-from');

/**
 * Builds the call page, unless what it was last built from is unchanged.
 *
 * @returns true where it had to be built.
 */
export async function buildConsole(): Promise<boolean> {
  const stamp = hashSources();
  if (existsSync(STAMP_FILE) && readFileSync(STAMP_FILE, 'utf8') === stamp) return false;
  // Only here: vite takes longer to load than all else takes to start.
  const { build } = await import('vite');
  await build({ configFile: join(CONSOLE_DIR, 'vite.config.ts'), logLevel: 'warn' });
  // Last, so that a build that was broken off counts as none.
  writeFileSync(STAMP_FILE, stamp);
  return true;
}

function hashSources(): string {
  const hash = createHash('sha256');
  for (const path of SOURCES.flatMap((source) => listFiles(join(ROOT_DIR, source)))) {
    hash.update(`${relative(ROOT_DIR, path)}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function listFiles(path: string): string[] {
  if (path === CONSOLE_DIST_DIR || path.endsWith('.test.ts') || path.endsWith('/testing')) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => listFiles(join(path, name)));
}

if (import.meta.main) {
  const startedAtMs = performance.now();
  const isBuilt = await buildConsole();
  console.log(
    isBuilt ? `call page built in ${Math.round(performance.now() - startedAtMs)} ms` : 'call page is current',
  );
}
