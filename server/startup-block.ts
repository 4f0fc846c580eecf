import type { EngineInfo } from '../inference/index.ts';

export interface StartupFacts {
  readonly urls: readonly string[];
  readonly isLan: boolean;
  readonly engine: EngineInfo;
  readonly modelDir: string | undefined;
}

const HASH_CHARACTERS_SHOWN = 12;

/** @returns what the operator reads when the server is ready. */
export function describeStartup({ urls, isLan, engine, modelDir }: StartupFacts): string {
  const runtime = [engine.provider, engine.runtimeVersion].filter(Boolean).join(', onnxruntime ');
  const lines: [string, string][] = [
    ...urls.map((url, index): [string, string] => [index === 0 ? 'page' : '', url]),
    ['engine', [engine.name, runtime, `${engine.slotCount} calls at once`].filter(Boolean).join(' · ')],
    ...modelLine(engine, modelDir),
    ['access', isLan ? 'open to the local network' : 'open, from this machine alone'],
  ];
  const notes = [
    ...(engine.isUntrained
      ? ['The model is untrained: it sounds like noise. Pass --model DIR for a trained one.']
      : []),
    ...(isLan ? ["The certificate is this server's own: the browser asks once whether to trust it."] : []),
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
