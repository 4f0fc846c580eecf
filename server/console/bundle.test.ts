import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildConsole } from './build.ts';
import { CONSOLE_DIST_DIR, isPageCurrent } from './page-stamp.mjs';

const read = (name: string) => readFileSync(join(CONSOLE_DIST_DIR, name), 'utf8');
const assets = (ending: string) =>
  readdirSync(join(CONSOLE_DIST_DIR, 'assets')).filter((name) => name.endsWith(ending));

describe('the built page', () => {
  let script: string;

  beforeAll(async () => {
    rmSync(CONSOLE_DIST_DIR, { recursive: true, force: true });
    await buildConsole();
    script = assets('.js')
      .map((name) => read(`assets/${name}`))
      .join('\n');
  });

  it('carries the client’s code and its two dependencies', () => {
    for (const marker of ['MICROPHONE_DENIED', 'connectionstatechange', 'EIO']) expect(script).toContain(marker);
  });

  it('carries React as it is in production, though it was built by a test', () => {
    expect(script).not.toContain('jsxDEV');
    expect(script.length).toBeLessThan(600_000);
  });

  it('carries no schema library: the client imports signaling’s types alone', () => {
    // Names that zod needs at run time, so that no minifier shortens them; all are in its own bundle.
    for (const marker of ['ZodError', '_zod', 'safeParseAsync', 'unrecognized_keys']) {
      expect(zodSources()).toContain(marker);
      expect(script).not.toContain(marker);
    }
  });

  it('asks no other host for anything', () => {
    const styles = assets('.css').map((name) => read(`assets/${name}`));
    const pages = [read('index.html'), ...styles].join('\n');

    expect(pages.match(/(?:https?:)?\/\/[a-z0-9]/gi) ?? []).toEqual([]);
  });

  it('has no script or style inline', () => {
    expect(read('index.html')).not.toMatch(/<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=/);
  });

  it('is built once for the same sources, and the set-up knows', async () => {
    expect(await buildConsole()).toBe(false);
    expect(isPageCurrent()).toBe(true);
  });
});

function zodSources(): string {
  return ['core/parse.js', 'core/schemas.js', 'classic/errors.js']
    .map((path) => readFileSync(new URL(`../../node_modules/zod/v4/${path}`, import.meta.url), 'utf8'))
    .join('\n');
}
