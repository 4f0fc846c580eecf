import { parseConfig } from '../config/config.ts';
import type { ConfigInput } from '../config/schema.ts';
import { readSetupRecord } from '../config/setup-record.ts';
import { createLogger } from '../log.ts';
import { ParleyNode } from '../node.ts';

const SETUP_RECORD = new URL('../../.parley/setup.json', import.meta.url);

/**
 * A whole server with the loopback engine, on free ports of this machine. The caller closes it.
 * @param stateDir needed where it serves over TLS.
 */
export async function givenNode(input: ConfigInput = {}, stateDir = ''): Promise<ParleyNode> {
  const config = parseConfig({
    ...input,
    http: { port: 0, ...input.http },
    media: { port: 0, ...input.media },
    engine: { name: 'loopback', ...input.engine },
    log: { level: process.env.PARLEY_LOG_LEVEL ?? 'silent' },
  });
  const setup = await readSetupRecord(SETUP_RECORD);
  return ParleyNode.start({ config, setup, stateDir, logger: createLogger('server', config.log.level) });
}
