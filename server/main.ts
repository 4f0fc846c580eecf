import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../inference/index.ts';
import { readCommandLine } from './command-line.ts';
import { type ConfigOverrides, loadConfig } from './config/config.ts';
import type { Config } from './config/schema.ts';
import { readSetupRecord } from './config/setup-record.ts';
import { fixOf } from './error-catalogue.ts';
import { createLogger } from './log.ts';
import { ParleyNode } from './node.ts';
import { modelDirectory } from './pulled-models.ts';
import { handleSignals } from './shutdown.ts';
import { describeStartup } from './startup-block.ts';

const CONFIG_FILE = 'parley.config.json';
const STATE_DIR = new URL('../.parley/', import.meta.url);

/** `node server/main.ts [options]` serves calls; `node server/main.ts validate FILE` checks a configuration. */
try {
  const invocation = readCommandLine(process.argv.slice(2));
  if (invocation.command === 'validate') {
    await loadConfig(invocation.file);
    console.log(`${invocation.file} is valid.`);
  } else await serve(invocation.configFile, invocation.overrides);
} catch (error) {
  console.error(describeFailure(error));
  process.exit(1);
}

async function serve(configFile: string | undefined, overrides: ConfigOverrides): Promise<void> {
  const written = await loadConfig(configFile ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined), overrides);
  const config = withModelDirectory(written);
  const setup = await readSetupRecord(new URL('setup.json', STATE_DIR));
  const logger = createLogger('server', config.log.level);
  const node = await ParleyNode.start({ config, setup, stateDir: fileURLToPath(STATE_DIR), logger });
  handleSignals({
    drain: () => {
      const { callCount } = node;
      if (callCount > 0) console.log(`Waiting for ${callCount} call(s) to end; once more to end them now.`);
      return node.drain();
    },
    force: () => node.close('server-shutdown'),
  });
  const { engineInfo: engine, urls, addresses } = node;
  console.log(describeStartup({ urls, addresses, engine, modelDir: config.engine.modelDir }));
}

/** A model that was pulled is named by its repository: here is its directory. */
function withModelDirectory(config: Config): Config {
  const { modelDir } = config.engine;
  if (modelDir === undefined) return config;
  return { ...config, engine: { ...config.engine, modelDir: modelDirectory(modelDir, cacheFolder(process.env)) } };
}

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fix = 'code' in error && typeof error.code === 'string' ? fixOf(error.code) : undefined;
  // Without a fix it is none of ours: then where it came from is what helps.
  return fix === undefined ? (error.stack ?? error.message) : `${error.message}\n${fix}`;
}
