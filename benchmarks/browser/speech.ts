import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @returns path of a WAV file in which a synthetic voice speaks, pausing as people do. */
export function writeSpeech(text: string): string {
  const folder = join(tmpdir(), 'parley-test');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'speech.wav');
  execFileSync('espeak-ng', ['-s', '150', '-g', '8', '-w', path, text]);
  return path;
}
