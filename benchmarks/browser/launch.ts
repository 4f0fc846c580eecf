import { readFileSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

const SETUP_RECORD = new URL('../../.parley/setup.json', import.meta.url);

/** A name that is this machine, but that a browser does not trust as it trusts localhost. */
export const UNTRUSTED_HOST = 'parley.test';

export interface LaunchOptions {
  /** What the microphone hears, over and over: a WAV file of 16-bit PCM. Absent: there is no microphone. */
  readonly microphoneWav?: string | undefined;
}

/** Starts the Chromium that the set-up found, without a window and with nothing that calls home. The caller closes it. */
export function launchChromium({ microphoneWav }: LaunchOptions = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath(),
    args: [
      // Root in a container has no sandbox, and such machines seldom have a GPU or a way out.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // A page that is recorded starts its sound without a click.
      '--autoplay-policy=no-user-gesture-required',
      `--host-resolver-rules=MAP ${UNTRUSTED_HOST} 127.0.0.1`,
      ...(microphoneWav
        ? ['--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${microphoneWav}`]
        : []),
    ],
  });
}

/** A context of its own (storage, permissions) for one caller; the recorder's worklet needs its page policy lifted. */
export function newCallerContext(browser: Browser): Promise<BrowserContext> {
  return browser.newContext({ permissions: ['microphone'], bypassCSP: true });
}

/** @throws Error where the set-up has found none: the package is optional to a server. */
function chromiumPath(): string {
  const { chromium: path } = JSON.parse(readFileSync(SETUP_RECORD, 'utf8')) as { chromium?: string };
  if (!path) throw new Error('the set-up found no Chromium: install the package chromium and run npm test again');
  return path;
}
