import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Ear, findPython } from './ear.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-ear-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A program in the place of an interpreter, so that the lines can be tried where there is no Python. */
function givenInterpreter(name: string, answer: string): string {
  const path = join(folder, name);
  const program = `
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const request = JSON.parse(line);
      const say = (answer) => console.log(JSON.stringify({ id: request.id, ...answer }));
      if (!request.pcm && !request.text) return say({});
      ${answer}
    });`;
  writeFileSync(path, `#!${process.execPath}\n${program}`, { mode: 0o755 });
  return path;
}

describe('the recogniser', () => {
  it('is asked with samples and answers with words', async () => {
    const python = givenInterpreter(
      'hears',
      `const pcm = Buffer.from(request.pcm, 'base64'); say({ text: pcm.length / 4 + ' samples, from ' + pcm.readFloatLE() * 4 });`,
    );
    await using ear = await Ear.start(python);
    const both = await Promise.all([
      ear.hear(new Float32Array(20).fill(0.5)),
      ear.hear(new Float32Array(7).fill(0.25)),
    ]);
    expect(both).toEqual(['twenty samples from two', 'seven samples from one']);
  });

  it('cuts a text into pieces', async () => {
    const python = givenInterpreter('cuts', 'say({ pieces: request.text.split(" ").map((word) => [word.length]) });');
    await using ear = await Ear.start(python);
    expect(await ear.pieces('tokenizer.model', 'Hello you')).toEqual([[5], [3]]);
  });

  it.each([
    ['that is not there', () => join(folder, 'none')],
    ['that ends at once', () => givenInterpreter('ends', 'process.exit(3);')],
    ['that says that it failed', () => givenInterpreter('fails', "say({ error: 'ImportError: faster_whisper' });")],
    ['that writes something else', () => givenInterpreter('babbles', "console.log('oops');")],
  ])('%s is told', async (_, python) => {
    const heard = (async () => {
      await using ear = await Ear.start(python());
      await ear.hear(new Float32Array(10));
    })();
    await expect(heard).rejects.toMatchObject({ code: 'RECOGNISER_FAILED' });
  });

  it('is the one that is given', () => {
    expect(findPython('/some/python')).toBe('/some/python');
  });
});
