import { Command, InvalidArgumentError, Option } from 'commander';
import type { ConfigOverrides } from './config/config.ts';

export type Invocation =
  | { readonly command: 'serve'; readonly configFile: string | undefined; readonly overrides: ConfigOverrides }
  | { readonly command: 'validate'; readonly file: string };

interface ServeFlags {
  readonly config?: string;
  readonly lan?: boolean;
  readonly host?: string;
  readonly port?: number;
  readonly mediaPort?: number;
  readonly announce?: string;
  readonly allowPublic?: boolean;
  readonly engine?: 'moshi' | 'loopback';
  readonly model?: string;
  readonly slots?: number;
  readonly record?: string;
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/**
 * Reads the command line, and PARLEY_CONFIG and PARLEY_LOG_LEVEL where --config and --log-level are not given. Prints
 * help or what is wrong with it, and ends the process then, as commander does.
 *
 * @param args without the interpreter and the script.
 */
export function readCommandLine(args: readonly string[]): Invocation {
  let invocation: Invocation | undefined;
  const program = new Command('parley')
    .description('Serves voice calls with a speech model.')
    .addOption(new Option('--config <file>', 'configuration file').env('PARLEY_CONFIG'))
    .option('--lan', 'serve the local network, over TLS')
    .option('--host <address>', 'address to bind (default: 127.0.0.1)')
    .option('--port <number>', 'port of the page (default: 7300)', wholeNumber)
    .option('--media-port <number>', 'UDP and TCP port of the audio (default: 7301)', wholeNumber)
    .option('--announce <address>', 'address that callers are told for the audio, behind NAT or in a container')
    .option('--allow-public', 'let anyone who reaches a public address call')
    .addOption(new Option('--engine <name>', 'what answers (default: moshi)').choices(['moshi', 'loopback']))
    .option('--model <model>', "checkpoint directory in Kyutai's layout, or owner/name of a pulled model")
    .option('--slots <number>', 'calls at once (default: 8)', wholeNumber)
    .option('--record <dir>', "log all that the engine is given there: callers' speech too, up to 8 GiB a start")
    .addOption(
      new Option('--log-level <level>', 'least level of the log on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .env('PARLEY_LOG_LEVEL'),
    )
    .action((flags: ServeFlags) => {
      invocation = { command: 'serve', configFile: flags.config, overrides: overridesOf(flags) };
    });
  program
    .command('validate <file>')
    .description('check a configuration file without starting')
    .action((file: string) => {
      invocation = { command: 'validate', file };
    });
  program.parse(args, { from: 'user' });
  return invocation!;
}

function overridesOf(flags: ServeFlags): ConfigOverrides {
  return {
    ...given('lan', flags.lan),
    ...given('allowPublic', flags.allowPublic),
    http: { ...given('host', flags.host), ...given('port', flags.port) },
    media: { ...given('port', flags.mediaPort), ...given('announcedAddress', flags.announce) },
    engine: {
      ...given('name', flags.engine),
      ...given('modelDir', flags.model),
      ...given('slotCount', flags.slots),
      ...given('recordDir', flags.record),
    },
    log: { ...given('level', flags.logLevel) },
  };
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is wanted');
  return Number(text);
}
