import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ProbeReading } from './memory-probe.ts';

const PROBE = new URL('memory-probe.ts', import.meta.url);
const MIB = 2 ** 20;
/** Pages are given back a moment after a collection, so the smallest of a few readings is the true one. */
const READINGS = 3;
const READING_EVERY_MS = 250;

export interface WatchedProcess {
  readonly pid: number;
  /** Such as `server/main.ts` or `mediasoup-worker`. */
  readonly name: string;
}

export interface MemoryReading extends WatchedProcess {
  readonly rssMib: number;
  /** After a forced collection, buffers included; NaN in a process that is not Node. */
  readonly heapMib: number;
}

export interface MemoryGrowth extends WatchedProcess {
  readonly rssMib: number;
  readonly heapMib: number;
}

/** Watches a process and all its descendants: that they stay the same ones, what they throw, and what they hold. */
export class ProcessWatch implements AsyncDisposable {
  readonly #probeDir: string;
  #rootPid = 0;

  private constructor(probeDir: string) {
    this.#probeDir = probeDir;
  }

  static async create(): Promise<ProcessWatch> {
    return new ProcessWatch(await mkdtemp(join(tmpdir(), 'parley-probe-')));
  }

  /** The environment to start the process with: it reaches its descendants by inheritance. */
  get environment(): Record<string, string> {
    return { NODE_OPTIONS: `--expose-gc --import=${PROBE.href}`, PARLEY_PROBE_DIR: this.#probeDir };
  }

  /** Runs `start` with `environment` added to this process's own, which what it starts inherits. */
  async around<T>(start: () => Promise<T>): Promise<T> {
    const before = { ...process.env };
    Object.assign(process.env, this.environment);
    try {
      return await start();
    } finally {
      for (const name of Object.keys(this.environment)) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
    }
  }

  /** Names the process to watch, started with `environment`. */
  watch(rootPid: number): void {
    this.#rootPid = rootPid;
  }

  /** The process and its descendants as they are now, in the order of their ids. */
  processes(): WatchedProcess[] {
    const found: WatchedProcess[] = [];
    const pending = [this.#rootPid];
    for (let pid = pending.pop(); pid !== undefined; pid = pending.pop()) {
      const name = nameOf(pid);
      if (name === undefined) continue;
      found.push({ pid, name });
      pending.push(...childrenOf(pid));
    }
    return found.toSorted((a, b) => a.pid - b.pid);
  }

  async readMemory(): Promise<MemoryReading[]> {
    return Promise.all(this.processes().map((process) => this.#readProcess(process)));
  }

  /** Errors that reached the top of a process, one a line. */
  uncaught(): string[] {
    const path = join(this.#probeDir, 'uncaught.log');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  /** What Node warned of, such as listeners that pile up; one a line, without those about its own options. */
  warnings(): string[] {
    const path = join(this.#probeDir, 'warnings.log');
    if (!existsSync(path)) return [];
    return readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .filter((line) => !line.includes('ExperimentalWarning'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#probeDir, { recursive: true });
  }

  async #readProcess(process: WatchedProcess): Promise<MemoryReading> {
    let rssMib = Number.POSITIVE_INFINITY;
    let heapMib = Number.POSITIVE_INFINITY;
    for (let i = 0; i < READINGS; i++) {
      if (i > 0) await sleep(READING_EVERY_MS);
      const probe = await this.#probe(process.pid);
      heapMib = Math.min(heapMib, probe ? (probe.heapBytes + probe.externalBytes) / MIB : Number.NaN);
      rssMib = Math.min(rssMib, await rssMibOf(process.pid));
    }
    return { ...process, rssMib, heapMib };
  }

  async #probe(pid: number): Promise<ProbeReading | undefined> {
    const path = join(this.#probeDir, `${pid}.sock`);
    if (!existsSync(path)) return undefined;
    return JSON.parse(await text(createConnection(path)));
  }
}

/** @returns one row for each process of `after`; NaN where `before` did not have it. */
export function growthBetween(before: readonly MemoryReading[], after: readonly MemoryReading[]): MemoryGrowth[] {
  return after.map(({ pid, name, rssMib, heapMib }) => {
    const old = before.find((reading) => reading.pid === pid);
    return { pid, name, rssMib: rssMib - (old?.rssMib ?? Number.NaN), heapMib: heapMib - (old?.heapMib ?? Number.NaN) };
  });
}

/** @returns undefined where there is no such process, or only its exit status is left. */
function nameOf(pid: number): string | undefined {
  const args = readProc(pid, 'cmdline')?.split('\0').filter(Boolean) ?? [];
  const script = args.find((arg) => /\.[cm]?[jt]s$/.test(arg));
  if (!script) return args[0] && basename(args[0]);
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  return script.startsWith(root) ? script.slice(root.length) : script;
}

/** Children belong to the thread that started them. */
function childrenOf(pid: number): number[] {
  return (readProc(pid, `task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number);
}

async function rssMibOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // Ended in the meantime.
    return undefined;
  }
}
