import { describe, expect, it } from 'vitest';
import type { EngineInfo } from '../inference/index.ts';
import { planAddresses } from './config/addresses.ts';
import { parseConfig } from './config/config.ts';
import { describeStartup } from './startup-block.ts';

const LOOPBACK_ENGINE: EngineInfo = {
  name: 'loopback',
  slotCount: 8,
  checkpointHash: '',
  provider: '',
  runtimeVersion: '',
  isUntrained: false,
  hasTranscript: false,
  agentCodebookCount: 0,
  inputDim: 0,
  topKMax: 0,
  textVocabularySize: 0,
  codebookSize: 0,
};
const PRIVATE = '192.168.1.5';
const PUBLIC = '203.0.113.9';

/** What the operator reads of a machine with one address on the network. */
function startupOf(input: object, address: string): string {
  const ofNetwork = {
    address,
    family: 'IPv4' as const,
    internal: false,
    netmask: '255.255.255.0',
    mac: '00:00:00:00:00:00',
    cidr: null,
  };
  const addresses = planAddresses(parseConfig(input), { eth0: [ofNetwork] });
  return describeStartup({ urls: [], addresses, engine: LOOPBACK_ENGINE, modelDir: undefined });
}

describe('what the operator reads', () => {
  it.each([
    ['nothing is said', {}, PRIVATE, 'open, from this machine alone'],
    ['a private address is bound', { http: { host: PRIVATE } }, PRIVATE, 'open to the local network'],
    ['every address is bound', { http: { host: '0.0.0.0' } }, PRIVATE, 'open to the local network'],
    ['the local network is served', { lan: true }, PRIVATE, 'open to the local network'],
    ['a public address is bound', { http: { host: PUBLIC }, allowPublic: true }, PUBLIC, 'open to anyone'],
    ['the network is public', { lan: true, allowPublic: true }, PUBLIC, 'open to anyone'],
  ])('says who can call where %s', (_, input, address, access) => {
    expect(startupOf(input, address)).toMatch(new RegExp(`\\n {2}access {2}${access}`));
  });

  it.each([
    [{}, false],
    [{ lan: true }, false],
    [{ http: { host: PRIVATE } }, true],
    [{ http: { host: '0.0.0.0' } }, true],
    [{ http: { host: PRIVATE }, lan: true }, false],
  ])('says of %j whether a browser elsewhere has no microphone: %j', (input, isSaid) => {
    expect(startupOf(input, PRIVATE).includes('no microphone')).toBe(isSaid);
  });
});
