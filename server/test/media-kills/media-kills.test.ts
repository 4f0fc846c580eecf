import { describe, expect, it } from 'vitest';
import { killMediasoup } from './media-kills.ts';

describe("a killed mediasoup worker under Chromium's call", { timeout: 120_000 }, () => {
  it('lets the first real sample be heard again within 3 s, ten times in a row', async () => {
    const kills = await killMediasoup(10);
    for (const { soundBackMs } of kills) expect(soundBackMs).toBeLessThan(3_000);
    expect(kills).toHaveLength(10);
  });
});
