import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ServerError } from './errors.ts';

const REPOSITORY = /^\w[\w.-]{0,95}\/\w[\w.-]{0,95}$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** @returns whether this is the name of a repository, `owner/name`, as the hub writes it. */
export function isRepository(text: string): boolean {
  return REPOSITORY.test(text);
}

/** @returns where the commits of a repository are kept, one directory each, named by its hash. */
export function pulledModelFolder(repository: string, cacheDirectory: string): string {
  // The hub allows no `--` in a name, so two repositories never share a folder.
  return join(cacheDirectory, 'models', repository.replace('/', '--'));
}

/**
 * @param model what `--model` says: a directory, or `owner/name` of a model that was pulled.
 * @returns its directory: of a pulled model the commit that was pulled or pulled again last.
 * @throws ServerError `MODEL_NOT_PULLED`
 */
export function modelDirectory(model: string, cacheDirectory: string): string {
  if (existsSync(model) || !isRepository(model)) return model;
  const folder = pulledModelFolder(model, cacheDirectory);
  const commits = existsSync(folder) ? readdirSync(folder).filter((name) => COMMIT.test(name)) : [];
  const [newest] = commits
    .map((commit) => join(folder, commit))
    .map((path) => ({ path, pulledMs: statSync(path).mtimeMs }))
    .toSorted((a, b) => b.pulledMs - a.pulledMs);
  if (newest) return newest.path;
  throw new ServerError('MODEL_NOT_PULLED', `${model} is no directory here, and was not pulled to ${folder}`);
}
