import { describe, expect, it } from 'vitest';
import { describePlatform, machineWarnings } from './platform.mjs';

const DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n';
const UBUNTU = 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nID=ubuntu\nID_LIKE=debian\n';
const FEDORA = 'PRETTY_NAME="Fedora Linux 43"\nID=fedora\n';
const GIGABYTE = 1e9;

describe('the platform', () => {
  it.each([
    ['linux', DEBIAN, { packageManager: 'apt', hasChromiumPackage: true, name: 'Debian GNU/Linux 12 (bookworm)' }],
    ['linux', UBUNTU, { packageManager: 'apt', hasChromiumPackage: false, name: 'Ubuntu 24.04.1 LTS' }],
    [
      'linux',
      'ID=linuxmint\nID_LIKE="ubuntu debian"\n',
      { packageManager: 'apt', hasChromiumPackage: false, name: 'linuxmint' },
    ],
    ['linux', FEDORA, { packageManager: 'dnf', hasChromiumPackage: true, name: 'Fedora Linux 43' }],
    ['linux', 'ID=alpine\n', { packageManager: null, hasChromiumPackage: false, name: 'alpine' }],
    ['darwin', '', { packageManager: 'brew', hasChromiumPackage: true, name: 'macOS' }],
    ['win32', '', { packageManager: null, hasChromiumPackage: false, name: 'win32' }],
  ] as const)('of %s with %j is known', (platform, osRelease, expected) => {
    expect(describePlatform(platform, osRelease)).toEqual(expected);
  });
});

describe('a machine', () => {
  const good = { arch: 'x64', cpuInfo: 'flags\t\t: fpu sse avx avx2\n', memoryBytes: 8 * GIGABYTE };

  it('is not spoken of when it is good enough', () => {
    expect(machineWarnings(good)).toEqual([]);
  });

  it('gets one line when it has no AVX2', () => {
    const warnings = machineWarnings({ ...good, cpuInfo: 'flags\t\t: fpu sse avx\n' });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/no AVX2/);
  });

  it('gets one line with its memory when that is under 4 GB', () => {
    const warnings = machineWarnings({ ...good, memoryBytes: 2.06 * GIGABYTE });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/2\.1 GB/);
  });

  it('is taken as sold: a 4 GB machine that reports a little less gets no line', () => {
    expect(machineWarnings({ ...good, memoryBytes: 4.0 * GIGABYTE * 0.97 })).toEqual([]);
  });

  it('of another architecture is not asked for AVX2', () => {
    expect(machineWarnings({ arch: 'arm64', cpuInfo: 'Features\t: fp asimd\n', memoryBytes: 8 * GIGABYTE })).toEqual(
      [],
    );
  });
});
