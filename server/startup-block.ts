import type { EngineInfo } from '../inference/index.ts';
import type { Addresses } from './config/addresses.ts';

export interface StartupFacts {
  readonly urls: readonly string[];
  readonly addresses: Pick<Addresses, 'reach' | 'isTls'>;
  readonly engine: EngineInfo;
  readonly modelDir: string | undefined;
}

const HASH_CHARACTERS_SHOWN = 12;

const ACCESS = {
  machine: 'open, from this machine alone',
  private: 'open to the local network',
  public: 'open to anyone who reaches a public address of this machine',
} as const;

/** @returns what the operator reads when the server is ready. */
export function describeStartup({ urls, addresses, engine, modelDir }: StartupFacts): string {
  const runtime = [engine.provider, engine.runtimeVersion].filter(Boolean).join(', onnxruntime ');
  const lines: [string, string][] = [
    ...urls.map((url, index): [string, string] => [index === 0 ? 'page' : '', url]),
    ['engine', [engine.name, runtime, `${engine.slotCount} calls at once`].filter(Boolean).join(' · ')],
    ...modelLine(engine, modelDir),
    ['access', ACCESS[addresses.reach]],
  ];
  const isReachedPlainly = !addresses.isTls && addresses.reach !== 'machine';
  const notes = [
    ...(engine.isUntrained
      ? ['The model is untrained: it sounds like noise. Pass --model DIR for a trained one.']
      : []),
    ...(isReachedPlainly
      ? ['Elsewhere the page has no microphone: browsers give it to secure pages only. Pass --lan to serve over TLS.']
      : []),
    ...(addresses.isTls ? ["The certificate is this server's own: the browser asks once whether to trust it."] : []),
    'Ctrl-C ends it once the last call is over; twice, at once.',
  ];
  const body = lines.map(([name, value]) => `  ${name.padEnd(8)}${value}`);
  return ['', 'Parley answers calls.', '', ...body, '', ...notes.map((note) => `  ${note}`), ''].join('\n');
}

function modelLine(engine: EngineInfo, modelDir: string | undefined): [string, string][] {
  if (engine.checkpointHash === '') return [];
  const hash = engine.checkpointHash.slice(0, HASH_CHARACTERS_SHOWN);
  return [['model', `${modelDir ?? 'the untrained one of this version'} (${hash})`]];
}
