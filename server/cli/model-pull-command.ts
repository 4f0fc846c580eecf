import { cacheFolder } from '../../inference/index.ts';
import { pullModel } from './model-pull/pull.ts';
import { terminalDialogue } from './model-pull/terminal-dialogue.ts';

export interface ModelPullFlags {
  readonly revision: string;
  readonly endpoint: string;
  readonly cache?: string;
  readonly yes?: boolean;
}

/**
 * Downloads a model of the hub, and says how to use it. Ctrl-C ends it with what is there kept.
 * @param token of the hub, for models that are given to some only.
 * @returns false where the operator declined.
 */
export async function modelPullCommand(
  repository: string,
  { revision, endpoint, cache, yes = false }: ModelPullFlags,
  token: string | undefined,
): Promise<boolean> {
  const ending = new AbortController();
  const end = () => ending.abort(new Error('ended by a signal'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  const cacheDirectory = cache ?? cacheFolder(process.env);
  const request = { repository, revision, endpoint, token, cacheDirectory, signal: ending.signal };
  try {
    const directory = await pullModel(request, terminalDialogue(process, yes));
    if (directory === undefined) {
      console.error('Nothing was downloaded.');
      return false;
    }
    const option = cache === undefined ? repository : directory;
    console.log(`${directory}\nTo hear it: npm start -- --model ${option}`);
    return true;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  }
}
