import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

export interface BrowserOptions {
  /** Path of Chromium. */
  readonly executablePath: string;
  /** WAV file that the microphone hears, over and over; absent: no microphone at all. */
  readonly microphoneWav?: string;
}

/** Chromium with a made-up microphone that any page may use, and nothing that calls home. */
export function launchBrowser({ executablePath, microphoneWav }: BrowserOptions): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // A name that is this machine, but that a browser does not trust as it trusts localhost.
      '--host-resolver-rules=MAP parley.test 127.0.0.1',
      ...(microphoneWav
        ? ['--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${microphoneWav}`]
        : []),
    ],
  });
}

/** @returns path of a WAV file in which a synthetic voice speaks, pausing as people do. */
export function writeSpeech(text: string): string {
  const folder = join(tmpdir(), 'parley-test');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'speech.wav');
  execFileSync('espeak-ng', ['-s', '150', '-g', '8', '-w', path, text]);
  return path;
}
