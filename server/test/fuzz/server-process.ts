import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '../../config/schema.ts';

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url));
const READY_MS_MAX = 20_000;
const END_MS_MAX = 10_000;
const STDERR_CHARS_MAX = 20_000;

/** A whole server as `npm start` runs it, with free ports, from outside. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #dir: string;
  readonly #stderr: () => string;

  private constructor(child: ChildProcess, dir: string, url: string, stderr: () => string) {
    this.#child = child;
    this.#dir = dir;
    this.url = url;
    this.#stderr = stderr;
  }

  /** @param environment added to this process's own. @returns the server once it takes calls. */
  static async start(config: ConfigInput, environment: Record<string, string> = {}): Promise<ServerProcess> {
    const dir = await mkdtemp(join(tmpdir(), 'parley-server-'));
    const configFile = join(dir, 'parley.config.json');
    const ports = { http: { port: 0, ...config.http }, media: { port: 0, ...config.media } };
    await writeFile(configFile, JSON.stringify({ log: { level: 'warn' }, ...config, ...ports }));
    const child = spawn(process.execPath, [MAIN, '--config', configFile], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_CHARS_MAX);
    });
    try {
      return new ServerProcess(child, dir, await urlOf(child), () => stderr);
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`the server did not start: ${stderr}`, { cause: error });
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The end of the log: warnings and errors. */
  get log(): string {
    return this.#stderr();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      // Drains, then ends now.
      this.#child.kill('SIGTERM');
      this.#child.kill('SIGTERM');
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), END_MS_MAX);
      await exited;
      clearTimeout(timer);
    }
    await rm(this.#dir, { recursive: true });
  }
}

async function urlOf(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout! });
  const signal = AbortSignal.timeout(READY_MS_MAX);
  const exited = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`it ended with ${code}`);
  });
  const found = (async () => {
    for await (const line of lines) {
      const url = /^\s*page\s+(https?:\S+)/.exec(line)?.[1];
      if (url) return url;
    }
    throw new Error('it closed its output');
  })();
  const url = await Promise.race([found, exited]);
  exited.catch(() => undefined);
  child.stdout!.resume();
  return url;
}
