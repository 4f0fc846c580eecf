import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { demandSpace, readCheckpointConfig } from '../../../inference/index.ts';
import { ServerError } from '../../errors.ts';
import { isRepository, pulledModelFolder } from '../../pulled-models.ts';
import { type Download, downloadFile, isWhole, PATIENCE, type Patience, presentBytes } from './download.ts';
import { Hub, type HubFile, type HubModel, type HubOptions } from './hub.ts';
import { MOSHI_7B_CONFIG } from './moshi-7b-config.ts';
import { PullLock } from './pull-lock.ts';
import { type WantedFiles, wantedFiles } from './wanted-files.ts';

export interface PullRequest extends HubOptions {
  /** `owner/name` */
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  readonly cacheDirectory: string;
  readonly signal: AbortSignal;
  readonly patience?: Patience;
}

/** What somebody agrees to before it is downloaded. */
export interface PullOffer {
  readonly model: HubModel;
  readonly directory: string;
  readonly fileCount: number;
  readonly sizeBytes: number;
  /** Of `sizeBytes`, from an earlier pull that did not end. */
  readonly presentBytes: number;
}

/** Whoever is told how a pull goes on. */
export interface PullDialogue {
  /** Asked once for a download, not again when it goes on. @returns false: nothing is downloaded. */
  agree(offer: PullOffer): Promise<boolean>;
  /** Shows how the `work` goes on. */
  follow(what: string, totalBytes: number, work: (report: Report) => Promise<void>): Promise<void>;
}
/** Told of each file how many bytes are done, one file after the other. */
export type Report = (file: HubFile, doneBytes: number) => void;

/**
 * Downloads what the runtime needs of a model of the hub. What is there after an earlier pull is checked and kept; the
 * directory has its name when every file is whole.
 *
 * @returns its directory; undefined where `agree` declined.
 * @throws ServerError `MODEL_*`, `HUB_*`, `DOWNLOAD_*`; InferenceError `CACHE_DISK_FULL`, `CHECKPOINT_CONFIG_INVALID`
 */
export async function pullModel(request: PullRequest, dialogue: PullDialogue): Promise<string | undefined> {
  try {
    return await pull(request, dialogue);
  } catch (error) {
    const { repository, signal } = request;
    if (!signal.aborted || (error instanceof ServerError && error.code === 'DOWNLOAD_INTERRUPTED')) throw error;
    throw new ServerError('DOWNLOAD_INTERRUPTED', `${repository}: ${signal.reason.message}`, { cause: error });
  }
}

async function pull(request: PullRequest, dialogue: PullDialogue): Promise<string | undefined> {
  const { repository, revision, cacheDirectory, signal, patience = PATIENCE } = request;
  if (!isRepository(repository)) throw new ServerError('MODEL_NAME_INVALID', repository);
  const hub = new Hub(request);
  const answered = AbortSignal.any([signal, AbortSignal.timeout(patience.silenceMsMax)]);
  const model = await hub.describe(repository, revision, answered);
  const directory = join(pulledModelFolder(repository, cacheDirectory), model.commit);
  await mkdir(dirname(directory), { recursive: true });
  await using _lock = await PullLock.take(`${directory}.lock`);
  const draft = `${directory}.partial`;
  if (existsSync(directory)) {
    if (await isStillWhole({ directory, signal }, model, dialogue)) {
      // The commit that was asked for last is the one that its name alone stands for.
      await utimes(directory, new Date(), new Date());
      return directory;
    }
    await rm(draft, { recursive: true, force: true });
    await rename(directory, draft);
  }
  await mkdir(draft, { recursive: true });
  const download: Download = { hub, model, directory: draft, patience, signal };
  const wanted = await describeDraft(download);
  if (!(await downloadContents(download, wanted, directory, dialogue))) return undefined;
  await flushDirectory(draft);
  await rename(draft, directory);
  await flushDirectory(dirname(directory));
  return directory;
}

/** Brings the small files, so that a model which Parley cannot run is refused before the large ones are fetched. */
async function describeDraft(download: Download): Promise<WantedFiles> {
  const { directory, model } = download;
  const wanted = await wantedFiles(model, async (file) => {
    await downloadFile(download, file, () => undefined);
    return readFile(join(directory, file.name), 'utf8');
  });
  const hasConfig = model.files.has('config.json');
  if (!hasConfig)
    await writeFile(join(directory, 'config.json'), `${JSON.stringify(MOSHI_7B_CONFIG, undefined, 2)}\n`, {
      flush: true,
    });
  readCheckpointConfig(directory);
  return wanted;
}

/** @returns false where it was declined. */
async function downloadContents(
  download: Download,
  { contents }: WantedFiles,
  directory: string,
  dialogue: PullDialogue,
): Promise<boolean> {
  const sizeBytes = sumOf(contents.map((file) => file.sizeBytes));
  const present = sumOf(await Promise.all(contents.map((file) => presentBytes(download, file))));
  const offer = { model: download.model, directory, fileCount: contents.length, sizeBytes, presentBytes: present };
  demandSpace(download.directory, sizeBytes - present);
  if (!(await dialogue.agree(offer))) return false;
  await dialogue.follow('Downloading', sizeBytes, async (report) => {
    for (const file of contents) await downloadFile(download, file, (doneBytes) => report(file, doneBytes));
  });
  return true;
}

async function isStillWhole(
  finished: Pick<Download, 'directory' | 'signal'>,
  model: HubModel,
  dialogue: PullDialogue,
): Promise<boolean> {
  const { directory } = finished;
  if (!existsSync(join(directory, 'config.json'))) return false;
  let wanted: WantedFiles;
  try {
    wanted = await wantedFiles(model, (file) => readFile(join(directory, file.name), 'utf8'));
  } catch {
    // Damaged, whatever the damage: what is there is checked file by file.
    return false;
  }
  const files = [...wanted.descriptions, ...wanted.contents];
  let areWhole = true;
  await dialogue.follow('Checking', sumOf(files.map((file) => file.sizeBytes)), async (report) => {
    for (const file of files) areWhole &&= await isWhole(finished, file, (doneBytes) => report(file, doneBytes));
  });
  return areWhole;
}

async function flushDirectory(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
