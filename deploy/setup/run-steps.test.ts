import { describe, expect, it } from 'vitest';
import { progressLine, runSteps } from './run-steps.mjs';

/** A terminal that keeps what was written; its time is set by the test. */
function givenTerminal() {
  const written: string[] = [];
  let nowMs = 0;
  return {
    written,
    pass: (ms: number) => {
      nowMs += ms;
    },
    terminal: { write: (text: string) => void written.push(text), isInteractive: false, nowMs: () => nowMs },
  };
}

describe('the steps of the set-up', () => {
  it('run only where they are not done, and say how long they took', async () => {
    const { terminal, written, pass } = givenTerminal();
    const ran = await runSteps(
      [
        { name: 'here', isDone: () => true, run: () => Promise.reject(new Error('must not run')) },
        { name: 'missing', isDone: () => false, run: async () => pass(1_500) },
      ],
      terminal,
    );
    expect(ran).toBe(1);
    expect(written).toEqual(['  missing …\n', '  missing: done (1.5 s)\n']);
  });

  it('may be made needless by the step before', async () => {
    const { terminal } = givenTerminal();
    let hasWorker = false;
    const run = async () => {
      hasWorker = true;
    };
    const download = { name: 'download', isDone: () => hasWorker, run };
    const build = { name: 'build', isDone: () => hasWorker, run: () => Promise.reject(new Error('must not run')) };
    expect(await runSteps([download, build], terminal)).toBe(1);
  });

  it('end with the first that fails, which is named', async () => {
    const { terminal, written } = givenTerminal();
    const failing = { name: 'worker', isDone: () => false, run: () => Promise.reject(new Error('no compiler')) };
    const next = { name: 'page', isDone: () => false, run: async () => 'made' };
    await expect(runSteps([failing, next], terminal)).rejects.toThrow('no compiler');
    expect(written.at(-1)).toBe('  worker: failed (0.0 s)\n');
  });

  it('ask before they begin, and do not begin where it is refused', async () => {
    const { terminal, written } = givenTerminal();
    const agree = () => Promise.reject(new Error('refused'));
    const step = { name: 'packages', isDone: () => false, agree, run: () => Promise.reject(new Error('must not run')) };
    await expect(runSteps([step], terminal)).rejects.toThrow('refused');
    expect(written).toEqual([]);
  });
});

describe('the progress of a step', () => {
  it('shows the part that is done where it is known', () => {
    expect(progressLine('worker', 65_000, 0.5)).toBe(`  worker ${'█'.repeat(12)}${'░'.repeat(12)} 50 %, 65 s`);
  });

  it('shows the time alone where it is not', () => {
    expect(progressLine('worker', 3_900, undefined)).toBe('  worker … 3 s');
  });
});
