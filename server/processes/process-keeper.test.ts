import { describe, expect, it } from 'vitest';
import { createLogger } from '../log.ts';
import { type Kept, ProcessKeeper } from './process-keeper.ts';

const logger = createLogger('server', 'silent');

/** Starts at once the first time; later starts last until they are given up. */
class SlowToReturn {
  readonly given = { starts: 0, givenUp: 0, closed: 0 };
  die: (detail: string) => void = () => {};

  start = (died: (detail: string) => void, signal: AbortSignal): Promise<Kept> => {
    this.given.starts += 1;
    this.die = died;
    const close = async () => {
      this.given.closed += 1;
    };
    if (this.given.starts === 1) return Promise.resolve({ pid: 1, close });
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        this.given.givenUp += 1;
        reject(signal.reason);
      });
    });
  };
}

describe('the keeper of a process', () => {
  it('gives up the start of a successor when it is closed', async () => {
    const process = new SlowToReturn();
    const keeper = new ProcessKeeper({ name: 'process', logger, start: process.start });
    await keeper.start();
    process.die('of a test');
    await expect.poll(() => process.given.starts).toBe(2);
    await keeper.close();
    expect(process.given).toEqual({ starts: 2, givenUp: 1, closed: 0 });
    expect(keeper.current).toBeUndefined();
  });

  it('gives up the first start when it is closed, and tells who waits for it', async () => {
    const process = new SlowToReturn();
    process.given.starts = 1;
    const keeper = new ProcessKeeper({ name: 'process', logger, start: process.start });
    const started = expect(keeper.start()).rejects.toMatchObject({ name: 'AbortError' });
    await keeper.close();
    await started;
    expect(process.given.givenUp).toBe(1);
  });

  it('closes one that is there before it hears of its being given up', async () => {
    const started = Promise.withResolvers<Kept>();
    const keeper = new ProcessKeeper({ name: 'process', logger, start: () => started.promise });
    const refused = expect(keeper.start()).rejects.toMatchObject({ name: 'AbortError' });
    const closing = keeper.close();
    let closed = 0;
    started.resolve({
      pid: 1,
      close: async () => {
        closed += 1;
      },
    });
    await Promise.all([refused, closing]);
    expect(closed).toBe(1);
  });
});
