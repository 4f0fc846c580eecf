import { fileURLToPath } from 'node:url';
import { hashPageSources, isPageCurrent, stampPage } from './page-stamp.mjs';

/**
 * Builds the call page, unless what it was last built from is unchanged.
 *
 * @returns true where it had to be built.
 */
export async function buildConsole(): Promise<boolean> {
  if (isPageCurrent()) return false;
  const hash = hashPageSources();
  // Only here: vite takes longer to load than all else takes to start.
  const { build } = await import('vite');
  const nodeEnv = process.env.NODE_ENV;
  // A test's own would put React's development build into the page, and the server would serve that from then on.
  process.env.NODE_ENV = 'production';
  try {
    await build({ configFile: fileURLToPath(new URL('./vite.config.ts', import.meta.url)), logLevel: 'warn' });
  } finally {
    if (nodeEnv === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = nodeEnv;
  }
  stampPage(hash);
  return true;
}

if (import.meta.main) {
  const startedAtMs = performance.now();
  const isBuilt = await buildConsole();
  console.log(
    isBuilt ? `call page built in ${Math.round(performance.now() - startedAtMs)} ms` : 'call page is current',
  );
}
