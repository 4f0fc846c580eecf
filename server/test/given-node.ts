import { parseConfig } from '../config/config.ts';
import type { ConfigInput } from '../config/schema.ts';
import { readSetupRecord } from '../config/setup-record.ts';
import { createLogger } from '../log.ts';
import { ParleyNode } from '../node.ts';

/** A whole server with the loopback engine, on free ports of this machine. The caller closes it. */
export async function givenNode(input: ConfigInput = {}): Promise<ParleyNode> {
  const config = parseConfig({
    ...input,
    http: { port: 0, ...input.http },
    media: { port: 0, ...input.media },
    engine: { name: 'loopback', ...input.engine },
    log: { level: process.env.PARLEY_LOG_LEVEL ?? 'silent' },
  });
  const setup = await readSetupRecord(new URL('../../.parley/setup.json', import.meta.url));
  return ParleyNode.start({ config, setup, logger: createLogger('server', config.log.level) });
}
