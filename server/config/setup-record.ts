import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ServerError } from '../errors.ts';

const SetupRecordSchema = z.looseObject({
  mediasoupWorkerBin: z.string().optional(),
  opusLibrary: z.string().optional(),
  chromium: z.string().optional(),
});
export type SetupRecord = z.infer<typeof SetupRecordSchema>;

/**
 * Reads what the set-up found on this machine.
 *
 * @returns an empty record where the set-up has not run: then the npm packages' own defaults are tried.
 * @throws {ServerError} `CONFIG_INVALID` where the file is there but is not such a record.
 */
export async function readSetupRecord(file: URL): Promise<SetupRecord> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
  try {
    return SetupRecordSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new ServerError('CONFIG_INVALID', `${file.pathname} is not what the set-up writes`, { cause });
  }
}
