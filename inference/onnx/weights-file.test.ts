import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WeightsFile, WeightsMeasure } from './weights-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-weights-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the weights file', () => {
  it('keeps each tensor once, at the beginning of a page, where it says', () => {
    const path = join(folder, 'weights.bin');
    const file = new WeightsFile(path);
    const tensors = {
      a: Float32Array.of(1, 2, 3),
      b: Float32Array.of(4, 5).subarray(1),
      c: new Float32Array(2000).fill(6),
    };
    const places = Object.entries(tensors).map(([name, values]) => file.add(name, [values.length], () => values));
    const measure = new WeightsMeasure();
    const measured = Object.entries(tensors).map(([name, values]) => measure.add(name, [values.length]));
    measure.add('a', [3]);
    const again = file.add('a', [3], () => {
      throw new Error('produced twice');
    });
    file.close();
    expect(again).toBe(places[0]);
    const bytes = readFileSync(path);
    expect(measure.sizeBytes).toBe(bytes.length);
    expect(measured.map(({ offsetBytes }) => offsetBytes)).toEqual(places.map(({ offsetBytes }) => offsetBytes));
    for (const [i, values] of Object.values(tensors).entries()) {
      const { location, offsetBytes, lengthBytes } = places[i]!;
      expect(location).toBe('weights.bin');
      expect(offsetBytes % 4096).toBe(0);
      const found = new Uint8Array(bytes.subarray(offsetBytes, offsetBytes + lengthBytes));
      expect(new Float32Array(found.buffer)).toEqual(new Float32Array(values));
    }
  });

  it('refuses values that do not fill the shape', () => {
    const file = new WeightsFile(join(folder, 'weights.bin'));
    expect(() => file.add('a', [2, 3], () => new Float32Array(5))).toThrow('a: [2,3] is 6 values, got 5');
    file.close();
  });

  it('does not write over another one', () => {
    new WeightsFile(join(folder, 'weights.bin')).close();
    expect(() => new WeightsFile(join(folder, 'weights.bin'))).toThrow('EEXIST');
  });
});
