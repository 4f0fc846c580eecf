import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { PullOffer } from './pull.ts';
import { terminalDialogue } from './terminal-dialogue.ts';

const OFFER: PullOffer = {
  model: { repository: 'a/b', commit: 'c0ffee', license: 'cc-by-4.0', files: new Map() },
  directory: '/cache/models/a--b/c0ffee',
  fileCount: 3,
  sizeBytes: 15.4e9,
  presentBytes: 0,
};

function givenTerminal(isTTY: boolean) {
  const stdin = Object.assign(new PassThrough(), { isTTY });
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  return { stdin, stderr, read: () => String(stderr.read() ?? '') };
}

describe('whoever sits at a terminal', () => {
  it.each([
    ['y\r', true],
    ['Yes\r', true],
    ['n\r', false],
    ['\r', false],
    ['\u0003', false],
    ['\u0004', false],
  ])('agrees to licence and size once, or does not: %j', async (typed, isAgreed) => {
    const terminal = givenTerminal(true);
    const agreement = terminalDialogue(terminal, false).agree(OFFER);
    terminal.stdin.write(typed);
    expect(await agreement).toBe(isAgreed);
    const shown = terminal.read();
    for (const part of ['a/b', 'cc-by-4.0', '15.4 GB in 3 files', OFFER.directory, '[y/N]']) {
      expect(shown).toContain(part);
    }
  });

  it('does not agree by leaving', async () => {
    const terminal = givenTerminal(true);
    const agreement = terminalDialogue(terminal, false).agree(OFFER);
    terminal.stdin.end();
    expect(await agreement).toBe(false);
  });

  it.each([
    ['with --yes', true, true, 0],
    ['for a download that was agreed to before', true, false, 5e9],
    ['where there is no terminal', false, false, 0],
  ])('is told and not asked %s', async (_, isTTY, hasAgreed, presentBytes) => {
    const terminal = givenTerminal(isTTY);
    const dialogue = terminalDialogue(terminal, hasAgreed);
    expect(await dialogue.agree({ ...OFFER, presentBytes })).toBe(true);
    const shown = terminal.read();
    expect(shown).toContain('cc-by-4.0');
    expect(shown).not.toContain('[y/N]');
    expect(shown.includes('5.0 GB of it are here')).toBe(presentBytes > 0);
  });
});
