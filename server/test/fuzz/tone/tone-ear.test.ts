import { describe, expect, it } from 'vitest';
import { ToneEar } from './tone-ear.ts';

const RATE_HZ = 48_000;
const LEVEL_DBFS = 20 * Math.log10(0.25) - 3.01;

function tone(ms: number, { hz = 450, amplitude = 0.25 } = {}): Float32Array {
  const step = (2 * Math.PI * hz) / RATE_HZ;
  return Float32Array.from({ length: (ms * RATE_HZ) / 1000 }, (_, i) => amplitude * Math.sin(step * i));
}

describe('an ear for a tone', () => {
  it('hears its level, and no gap, in blocks of any length', () => {
    const ear = new ToneEar(450, LEVEL_DBFS);
    const sound = tone(1000);
    for (let at = 0; at < sound.length; at += 700) ear.hear(sound.subarray(at, at + 700), RATE_HZ);
    expect(ear.read()).toMatchObject({
      heardMs: 1000,
      gapMs: 0,
      gapMsMax: 0,
      levelDbfs: expect.closeTo(LEVEL_DBFS, 1),
    });
  });

  it('counts silence, another tone and a faint one as gaps, and the longest of them', () => {
    const ear = new ToneEar(450, LEVEL_DBFS);
    const gaps = [new Float32Array((80 * RATE_HZ) / 1000), tone(40, { hz: 900 }), tone(120, { amplitude: 0.02 })];
    for (const gap of gaps) {
      ear.hear(tone(200), RATE_HZ);
      ear.hear(gap, RATE_HZ);
    }
    expect(ear.read()).toMatchObject({ heardMs: 840, gapMs: 240, gapMsMax: 120 });
  });

  it('begins anew after every reading', () => {
    const ear = new ToneEar(450, LEVEL_DBFS);
    ear.hear(new Float32Array(RATE_HZ), RATE_HZ);
    ear.read();
    ear.hear(tone(100), RATE_HZ);
    expect(ear.read()).toMatchObject({ heardMs: 100, gapMs: 0, gapMsMax: 0 });
  });
});
