import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Domain } from './domain.ts';
import { readManifest, readPromptSound } from './manifest.ts';
import { toneWord, writePrompts } from './testing/prompt-folder.ts';

const domain = Domain.load();
const root = mkdtempSync(join(tmpdir(), 'parley-manifest-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const given = (entries: Parameters<typeof writePrompts>[1]) => writePrompts(join(root, `${folders++}`), entries);

describe('the manifest of a folder of prompts', () => {
  it('is read with values as the domain writes them', () => {
    const folder = given([{ intent: 'name-my', slots: { NAME: 'anna' }, text: "i'm anna", voice: 'me', extra: 1 }]);
    const [prompt] = readManifest(folder, domain);
    expect(prompt).toMatchObject({ slots: { NAME: 'Anna' }, voice: 'me', path: join(folder, '0.wav') });
  });

  it('gives the first few of each intent', () => {
    const folder = given(['greet-hello', 'stop-wait', 'greet-hello', 'greet-hello'].map((intent) => ({ intent })));
    expect(readManifest(folder, domain, 2).map(({ intent }) => intent.id)).toEqual([
      'greet-hello',
      'stop-wait',
      'greet-hello',
    ]);
  });

  it.each([
    [{ intent: 'no-such' }, /intent "no-such" is not in the domain/],
    [{ intent: 7 }, /intent/],
    [{ intent: 'greet-hello', file: 'none.wav' }, /no file none.wav/],
    [{ intent: 'greet-hello', file: '../0.wav' }, /outside the folder/],
    [{ intent: 'greet-hello', file: '/etc/hostname' }, /outside the folder/],
    [{ intent: 'greet-hello', voice: undefined }, /voice/],
    [{ intent: 'name-my' }, /slots lack NAME/],
    [{ intent: 'name-my', slots: { NAME: 'Xyzzy' } }, /slots.NAME: "Xyzzy"/],
    [{ intent: 'sum-minus', slots: { A: 'one', B: 'two' } }, /no answer/],
  ])('with the entry %j is refused, and the entry named', (entry, message) => {
    const folder = given([{ intent: 'greet-hello' }, entry]);
    const read = () => readManifest(folder, domain);
    expect(read).toThrow(expect.objectContaining({ code: 'MANIFEST_ENTRY_INVALID' }));
    expect(read).toThrow(/manifest\.json, entry 1: /);
    expect(read).toThrow(message);
  });

  it.each([
    ['{', 'MANIFEST_INVALID'],
    ['{}', 'MANIFEST_INVALID'],
    ['[]', 'MANIFEST_INVALID'],
  ])('that is %j is refused', (text, code) => {
    const folder = given([]);
    writeFileSync(join(folder, 'manifest.json'), text);
    expect(() => readManifest(folder, domain)).toThrow(expect.objectContaining({ code }));
  });

  it('that is not there is missed', () => {
    expect(() => readManifest(join(root, 'none'), domain)).toThrow(
      expect.objectContaining({ code: 'PROMPTS_MISSING' }),
    );
  });
});

describe("a prompt's sound", () => {
  const sound = (pcm: Float32Array) => {
    const [prompt] = readManifest(given([{ intent: 'greet-hello', pcm }]), domain);
    return readPromptSound(prompt!);
  };

  it('comes with where somebody speaks', async () => {
    expect((await sound(toneWord(100, 500))).speech).toEqual({ startMs: 100, endMs: 600 });
  });

  it.each([
    ['nobody speaks', new Float32Array(24_000)],
    ['it takes too long', toneWord(100, 20_000)],
  ])('is refused where %s, and the entry named', async (_, pcm) => {
    await expect(sound(pcm)).rejects.toMatchObject({
      code: 'PROMPT_WITHOUT_SPEECH',
      message: expect.stringContaining('entry 0 (0.wav)'),
    });
  });

  it('is refused where the file is none, and the entry named', async () => {
    const folder = given([{ intent: 'greet-hello' }]);
    writeFileSync(join(folder, '0.wav'), 'no WAV');
    await expect(readPromptSound(readManifest(folder, domain)[0]!)).rejects.toMatchObject({
      code: 'PROMPT_UNREADABLE',
      message: expect.stringContaining('entry 0 (0.wav)'),
    });
  });
});
