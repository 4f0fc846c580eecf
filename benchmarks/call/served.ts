import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAIN = join(import.meta.dirname, '../../server/main.ts');
const READY_MS_MAX = 120_000;
const PAGE_LINE = /page\s+(http:\/\/\S+)/;

export interface ServedOptions {
  readonly engine: 'moshi' | 'loopback';
  /** Loopback only. */
  readonly simulatedStepMs?: number;
  readonly slotCount?: number;
  /** Where each call's engine log is written; absent: none is. */
  readonly recordDir?: string;
}

/** A server in processes of its own, as `npm start` runs it, on free ports. */
export class Served {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, process: ChildProcess, folder: string) {
    this.url = url;
    this.#process = process;
    this.#folder = folder;
  }

  /** @throws Error with what the server printed, where it does not answer within two minutes. */
  static async start({ engine, simulatedStepMs = 0, slotCount = 2, recordDir }: ServedOptions): Promise<Served> {
    const folder = mkdtempSync(join(tmpdir(), 'parley-bench-'));
    const config = {
      http: { port: 0 },
      media: { port: 0 },
      engine: { name: engine, slotCount, simulatedStepMs, ...(recordDir !== undefined && { recordDir }) },
      log: { level: 'warn' },
    };
    const configFile = join(folder, 'parley.config.json');
    writeFileSync(configFile, JSON.stringify(config));
    const server = spawn(process.execPath, [MAIN, '--config', configFile], { stdio: ['ignore', 'pipe', 'inherit'] });
    return new Served(await pageUrl(server), server, folder);
  }

  async close(): Promise<void> {
    if (this.#process.exitCode === null) {
      const ended = new Promise((resolve) => this.#process.once('exit', resolve));
      this.#process.kill('SIGTERM');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function pageUrl(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const timer = setTimeout(() => {
      server.kill();
      reject(new Error(`the server was not ready within ${READY_MS_MAX / 1000} s: ${printed}`));
    }, READY_MS_MAX);
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${printed}`)));
    server.stdout!.on('data', (chunk) => {
      printed += chunk;
      const url = PAGE_LINE.exec(printed)?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    });
  });
}
