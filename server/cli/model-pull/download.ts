import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { InferenceError, inGb } from '../../../inference/index.ts';
import { SERVER_ERRORS, ServerError } from '../../errors.ts';
import { RunningChecksum } from './checksum.ts';
import { type Hub, type HubFile, type HubModel, unreachable } from './hub.ts';

/** How long a download puts up with a bad connection. */
export interface Patience {
  /** Without a byte for so long, a connection is given up. */
  readonly silenceMsMax: number;
  /** Tries in a row that bring nothing new. */
  readonly fruitlessTriesMax: number;
  /** Before the second try; doubled before each further one. */
  readonly pauseMs: number;
}

/** Half a minute of pauses in all: a router that restarts is outlasted, a network that is gone is not waited for. */
export const PATIENCE: Patience = { silenceMsMax: 30_000, fruitlessTriesMax: 6, pauseMs: 1000 };

export interface Download {
  readonly hub: Hub;
  readonly model: HubModel;
  readonly directory: string;
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/** @returns how much of a file is in the directory, finished or begun. */
export async function presentBytes({ directory }: Pick<Download, 'directory'>, file: HubFile): Promise<number> {
  const path = join(directory, file.name);
  return Math.min(await sizeOf(existsSync(path) ? path : partOf(path)), file.sizeBytes);
}

/** @returns whether a finished file is there with the size and checksum that the hub states. */
export async function isWhole(
  { directory, signal }: Pick<Download, 'directory' | 'signal'>,
  file: HubFile,
  report: (doneBytes: number) => void,
): Promise<boolean> {
  const path = join(directory, file.name);
  if (!existsSync(path) || (await sizeOf(path)) !== file.sizeBytes) return false;
  const checksum = new RunningChecksum(file);
  await checksum.addFile(path, report, signal);
  return checksum.problem() === undefined;
}

/**
 * Brings one file into the directory. It grows as `NAME.part`, goes on where an earlier try ended, in this process or
 * another, and gets its name when size and checksum are right.
 *
 * @param report is told how many bytes of the file are there.
 * @throws ServerError `DOWNLOAD_INTERRUPTED`, whose part stays; `DOWNLOAD_CORRUPT`, whose part is removed; `MODEL_*`,
 *   `HUB_*`. InferenceError `CACHE_DISK_FULL`, whose part stays.
 */
export async function downloadFile(download: Download, file: HubFile, report: (doneBytes: number) => void) {
  const path = join(download.directory, file.name);
  if (await isWhole(download, file, report)) return;
  await rm(path, { force: true });
  await mkdir(dirname(path), { recursive: true });
  const handle = await open(partOf(path), 'a');
  try {
    const part = new GrowingPart(handle, partOf(path), file, report);
    await part.readPresent(download.signal);
    await untilWhole(download, part);
    const problem = part.checksum.problem();
    if (problem !== undefined) {
      await rm(partOf(path));
      throw new ServerError('DOWNLOAD_CORRUPT', `${file.name}: ${problem}`);
    }
    // A name that is on disk before what it names would be a torn file after a power cut.
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(partOf(path), path);
}

async function untilWhole({ hub, model, patience, signal }: Download, part: GrowingPart): Promise<void> {
  let [furthestBytes, tries] = [part.bytes, 0];
  while (part.bytes < part.file.sizeBytes) {
    try {
      await receive(hub, model, part, signal, patience.silenceMsMax);
      if (part.bytes < part.file.sizeBytes) throw new ServerError('HUB_UNREACHABLE', 'the answer ended early');
    } catch (error) {
      if (!(error instanceof ServerError && SERVER_ERRORS[error.code].retryable)) throw error;
      if (error.code === 'DOWNLOAD_CORRUPT') throw error;
      // A server without ranges begins anew each time: what counts is how far it got at best.
      tries = part.bytes > furthestBytes ? 1 : tries + 1;
      furthestBytes = Math.max(furthestBytes, part.bytes);
      if (signal.aborted || tries >= patience.fruitlessTriesMax) throw interrupted(part, error);
      await pause(patience.pauseMs * 2 ** (tries - 1), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) throw interrupted(part, error);
    }
  }
}

function interrupted({ file, bytes }: GrowingPart, cause: Error): ServerError {
  const detail = `${file.name} after ${bytes} of ${file.sizeBytes} bytes: ${cause.message}`;
  return new ServerError('DOWNLOAD_INTERRUPTED', detail, { cause });
}

/** Takes what one answer brings. */
async function receive(hub: Hub, model: HubModel, part: GrowingPart, signal: AbortSignal, silenceMsMax: number) {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`silent for ${silenceMsMax} ms`)), silenceMsMax);
  try {
    const response = await hub.open(model, part.file, part.bytes, AbortSignal.any([signal, silence.signal]));
    if (part.bytes > 0 && !goesOnAt(response, part.bytes)) {
      if (!isAllOf(response, part.file)) await refuse(response, part);
      await part.beginAnew();
    }
    for await (const chunk of chunksOf(response)) {
      timer.refresh();
      await part.append(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
}

function goesOnAt({ status, headers }: Response, byte: number): boolean {
  return status === 206 && headers.get('content-range')?.startsWith(`bytes ${byte}-`) === true;
}

/** A server without ranges sends everything. Another length is another thing, such as the page of a proxy. */
function isAllOf({ status, headers }: Response, { sizeBytes }: HubFile): boolean {
  return status === 200 && Number(headers.get('content-length') ?? sizeBytes) === sizeBytes;
}

/** Gigabytes of a part are not thrown away for an answer that is none. */
async function refuse(response: Response, { file, bytes }: GrowingPart): Promise<never> {
  await response.body?.cancel().catch(() => undefined);
  const range = response.headers.get('content-range') ?? 'no range';
  throw new ServerError('HUB_ANSWER_INVALID', `${file.name} from byte ${bytes} on: ${response.status}, ${range}`);
}

/** Tells a broken connection from whatever goes wrong with what it brought. */
async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw unreachable(new URL(response.url).origin, cause);
      });
      if (done) return;
      yield value;
    }
  } finally {
    // Where nobody wants the rest, the connection ends.
    await reader.cancel().catch(() => undefined);
  }
}

/** The file `NAME.part`, and the checksum of what is in it. */
class GrowingPart {
  readonly file: HubFile;
  bytes = 0;
  checksum: RunningChecksum;
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #report: (doneBytes: number) => void;

  /** @param handle opened for appending; its owner closes it. */
  constructor(handle: FileHandle, path: string, file: HubFile, report: (doneBytes: number) => void) {
    this.file = file;
    this.checksum = new RunningChecksum(file);
    this.#handle = handle;
    this.#path = path;
    this.#report = report;
  }

  async readPresent(signal: AbortSignal): Promise<void> {
    const { size } = await this.#handle.stat();
    if (size > this.file.sizeBytes) return this.beginAnew();
    await this.checksum.addFile(this.#path, this.#report, signal);
    this.bytes = size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.bytes + chunk.length > this.file.sizeBytes) {
      await this.beginAnew();
      const detail = `${this.file.name}: more comes than the ${this.file.sizeBytes} bytes that the hub states`;
      throw new ServerError('DOWNLOAD_CORRUPT', detail);
    }
    try {
      for (let done = 0; done < chunk.length; ) done += (await this.#handle.write(chunk, done)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      const detail = `${this.#path} needs ${inGb(this.file.sizeBytes - this.bytes)} more`;
      throw new InferenceError('CACHE_DISK_FULL', detail, { cause: error });
    }
    this.checksum.add(chunk);
    this.bytes += chunk.length;
    this.#report(this.bytes);
  }

  async beginAnew(): Promise<void> {
    await this.#handle.truncate(0);
    this.checksum = new RunningChecksum(this.file);
    this.bytes = 0;
  }
}

function partOf(path: string): string {
  return `${path}.part`;
}

async function sizeOf(path: string): Promise<number> {
  return existsSync(path) ? (await stat(path)).size : 0;
}
