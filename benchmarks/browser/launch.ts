import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

/** Where Chromium is on the systems that the project is run on, the plain one first. */
const CHROMIUM_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

export interface LaunchOptions {
  /** What the microphone hears, over and over: a WAV file of 16-bit PCM. Absent: Chromium's own beeps. */
  readonly microphoneWav?: string | undefined;
}

/** @returns the path of the Chromium of this machine. @throws Error where there is none. */
function chromiumPath(): string {
  const path = CHROMIUM_PATHS.find((candidate) => existsSync(candidate));
  if (!path) throw new Error(`no Chromium at ${CHROMIUM_PATHS.join(', ')}: install the package chromium`);
  return path;
}

/** Starts Chromium without a window, with a microphone that plays a file and needs no permission. The caller closes it. */
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
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      ...(microphoneWav ? [`--use-file-for-fake-audio-capture=${microphoneWav}`] : []),
    ],
  });
}

/** A context of its own (storage, permissions) for one caller; the recorder's worklet needs its page policy lifted. */
export function newCallerContext(browser: Browser): Promise<BrowserContext> {
  return browser.newContext({ permissions: ['microphone'], bypassCSP: true });
}
