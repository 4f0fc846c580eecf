import { describe, expect, it } from 'vitest';
import { aptProgress, installCommands, missingNeeds } from './system-packages.mjs';
import { consentFor } from './system-packages-step.mjs';

const DEBIAN = { packageManager: 'apt', hasChromiumPackage: true, name: 'Debian' } as const;
const UBUNTU = { packageManager: 'apt', hasChromiumPackage: false, name: 'Ubuntu' } as const;
const FEDORA = { packageManager: 'dnf', hasChromiumPackage: true, name: 'Fedora' } as const;
const UNKNOWN = { packageManager: null, hasChromiumPackage: false, name: 'Alpine' } as const;
const nothingIsThere = () => false;

describe('what is missing', () => {
  it('is asked for by purpose: a server needs neither a compiler nor a browser', () => {
    expect(missingNeeds(['run'], nothingIsThere).map(({ name }) => name)).toEqual(['libopus']);
  });

  it('is nothing where all is there', () => {
    expect(missingNeeds(['run', 'build-worker', 'test'], () => true)).toEqual([]);
  });
});

describe('the commands that install what is missing', () => {
  it('refresh the lists first on Debian, then install all at once and nothing recommended', () => {
    const needs = missingNeeds(['run', 'test'], nothingIsThere);
    expect(installCommands(needs, DEBIAN)).toEqual({
      commands: [
        ['apt-get', 'update'],
        ['apt-get', 'install', '-y', '--no-install-recommends', 'libopus0', 'chromium', 'espeak-ng'],
      ],
      unavailable: [],
    });
  });

  it('leave out the browser on Ubuntu, whose package of that name installs a snap', () => {
    const { commands, unavailable } = installCommands(missingNeeds(['run', 'test'], nothingIsThere), UBUNTU);
    expect(commands.at(-1)?.slice(4)).toEqual(['libopus0', 'espeak-ng']);
    expect(unavailable.map(({ name }) => name)).toEqual(['Chromium']);
  });

  it('build no worker on Fedora, which takes the official one', () => {
    const { commands, unavailable } = installCommands(missingNeeds(['run', 'build-worker'], nothingIsThere), FEDORA);
    expect(commands).toEqual([['dnf', 'install', '-y', 'opus']]);
    expect(unavailable).toHaveLength(7);
  });

  it('are none where no package manager is known', () => {
    const { commands, unavailable } = installCommands(missingNeeds(['run'], nothingIsThere), UNKNOWN);
    expect(commands).toEqual([]);
    expect(unavailable.map(({ name }) => name)).toEqual(['libopus']);
  });
});

describe('the consent to install', () => {
  const user = { needsRoot: true, isRoot: false, hasSudo: true, isAgreed: false, hasTerminal: true };

  it.each([
    ['asks a user with sudo on a terminal', {}, 'ask'],
    ['asks root on a terminal', { isRoot: true }, 'ask'],
    ['is given by --yes or CI', { isAgreed: true }, 'run'],
    ['is given by root in a script, where nobody can be asked', { isRoot: true, hasTerminal: false }, 'run'],
    ['tells a script without root what to type', { hasTerminal: false }, 'tell'],
    ['tells a user without sudo what to type', { hasSudo: false }, 'tell'],
    ['tells a user without sudo what to type even in CI', { hasSudo: false, isAgreed: true }, 'tell'],
    ['asks before Homebrew, which needs no root', { needsRoot: false, hasSudo: false }, 'ask'],
  ] as const)('%s', (_, difference, expected) => {
    expect(consentFor({ ...user, ...difference })).toBe(expected);
  });
});

describe('the progress of apt-get', () => {
  it('counts the download as the first half and the installation as the second', () => {
    expect(aptProgress('dlstatus:3:50.0000:Retrieving file 3 of 4')).toBe(0.25);
    expect(aptProgress('pmstatus:libopus0:50.0000:Unpacking libopus0')).toBe(0.75);
  });

  it('is unknown on other lines', () => {
    expect(aptProgress('Reading package lists...')).toBe(null);
  });
});
