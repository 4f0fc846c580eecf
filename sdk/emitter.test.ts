import { describe, expect, it, vi } from 'vitest';
import { Emitter } from './emitter.ts';

class Bell extends Emitter<{ rang: [times: number] }> {
  ring(times: number): void {
    this.emit('rang', times);
  }
}

describe('the emitter', () => {
  it('tells every listener, and none that was taken off', () => {
    const bell = new Bell();
    const heard: string[] = [];
    bell.on('rang', (times) => heard.push(`first ${times}`));
    const off = bell.on('rang', (times) => heard.push(`second ${times}`));

    bell.ring(1);
    off();
    bell.ring(2);

    expect(heard).toEqual(['first 1', 'second 1', 'first 2']);
  });

  it('goes on to the next listener where one throws, and reports it', () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const bell = new Bell();
    const heard: number[] = [];
    bell.on('rang', () => {
      throw new Error('deaf');
    });
    bell.on('rang', (times) => heard.push(times));

    bell.ring(3);

    expect(heard).toEqual([3]);
    expect(report).toHaveBeenCalledOnce();
    report.mockRestore();
  });
});
