import { describe, expect, it } from 'vitest';
import { chirpDelays, chirpTrack } from './chirps.ts';

/** The track as heard `delayMs` later, by linear interpolation between samples. */
function heardLater(track: Float32Array, delayMs: number): Float32Array {
  const shift = delayMs * 48;
  return track.map((_, i) => {
    const at = i - shift;
    const before = Math.floor(at);
    const part = at - before;
    return (track[before] ?? 0) * (1 - part) + (track[before + 1] ?? 0) * part;
  });
}

describe('chirps through a path', () => {
  it.each([0.5, 57.36, 310.2, 820])('tell a delay of %s ms to a tenth', (delayMs) => {
    const microphone = chirpTrack(6_000);
    const { delaysMs, lostCount } = chirpDelays({ microphone, received: heardLater(microphone, delayMs) });
    expect(delaysMs.length).toBeGreaterThan(10);
    for (const found of delaysMs) expect(Math.abs(found - delayMs)).toBeLessThan(0.1);
    expect(lostCount).toBe(0);
  });

  it('count what did not come back as lost, not as late', () => {
    const microphone = chirpTrack(6_000);
    const received = heardLater(microphone, 100);
    received.fill(0, 2 * 48_000, 3 * 48_000);
    const { delaysMs, lostCount } = chirpDelays({ microphone, received });
    expect(lostCount).toBeGreaterThanOrEqual(3);
    expect(Math.max(...delaysMs)).toBeLessThan(101);
  });
});
