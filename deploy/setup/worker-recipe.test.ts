import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { prebuiltWorkerName } from './worker.mjs';
import { ninjaFile, withCorrectBioCallback, workerSources } from './worker-recipe.mjs';

const WORKER = new URL('../../node_modules/mediasoup/worker/', import.meta.url);

describe("the recipe for mediasoup's worker", () => {
  it('finds every source file of the installed version', () => {
    const sources = workerSources(readFileSync(new URL('meson.build', WORKER), 'utf8'));
    expect(sources.length).toBeGreaterThan(200);
    expect(sources).toContain('src/RTC/DtlsTransport.cpp');
    expect(sources.at(-1)).toBe('src/main.cpp');
    expect(sources.filter((source) => /webrtc/i.test(source) && !source.startsWith('src/RTC/WebRtc'))).toEqual([]);
  });

  it('changes the BIO callback of the installed version in one place', () => {
    const source = readFileSync(new URL('src/RTC/DtlsTransport.cpp', WORKER), 'utf8');
    const corrected = withCorrectBioCallback(source);
    const changed = corrected.split('\n').filter((line, index) => line !== source.split('\n')[index]);
    expect(changed).toHaveLength(1);
    expect(changed[0]).toContain('(operationType & BIO_CB_RETURN) != 0');
  });

  it('refuses a source that it does not know', () => {
    expect(() => withCorrectBioCallback('int main() {}')).toThrow(/0 times/);
    expect(() => workerSources("project('other')")).toThrow(/common_sources/);
  });

  it('survives folders with spaces and dollar signs', () => {
    const text = ninjaFile({ compiler: 'g++', sources: ['/a b/$c.cpp'], includeDirs: ['/a b/$d'], output: 'worker' });
    expect(text).toContain('build obj/0.o: compile /a$ b/$$c.cpp');
    expect(text).toContain("-I'/a b/$$d'");
  });
});

describe("the official worker's name", () => {
  it.each([
    [{ platform: 'linux', arch: 'x64', release: '6.1.0-30-amd64' }, 'mediasoup-worker-3.27.1-linux-x64-kernel6'],
    [{ platform: 'darwin', arch: 'arm64', release: '24.1.0' }, 'mediasoup-worker-3.27.1-darwin-arm64'],
  ])('for %j has the form that mediasoup publishes', (machine, expected) => {
    expect(prebuiltWorkerName('3.27.1', machine)).toBe(expected);
  });
});
