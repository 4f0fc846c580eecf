import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { follow, launchChromium, writeSpeech, writeWav } from '../browser/index.ts';
import { publish } from '../report/report.ts';
import { chirpTrack } from './chirps.ts';
import { addedMetrics, hopMetrics, moshiMetrics } from './figures.ts';
import { callMoshi } from './moshi.ts';
import { toneQuality, toneTrack } from './quality.ts';
import { recordCall, runRounds, type Way } from './rounds.ts';
import { Served } from './served.ts';
import { bundlePage } from './server-call.ts';

const SAMPLE_RATE_HZ = 48_000;
const TONE_SECONDS = 5;
const QUALITY_MS = 12_000;
const MOSHI_MS = 20_000;
/** Longer than any call here: what comes again could be taken for what was said before. */
const SPEECH = [
  'The lamp over the kitchen table was still on when she came home.',
  'Nobody had touched the letter, and the kettle was cold.',
  'Five grey cats sat on the wall and watched the rain go by.',
  'He asked for the morning train, but there was only a bus at noon.',
  'Under the stairs lay a box of old maps, tied up with string.',
  'Their neighbour played the trumpet badly, and always after ten.',
  'We bought bread, two lemons, a pound of rice and some soap.',
  'By the harbour a woman sold fish from a bright blue boat.',
  'The third page was missing, so the story ended in the forest.',
  'Please put the heavy bag down before you open the window.',
  'It snowed for a week, and then the river froze from bank to bank.',
  'Why would anyone paint a garden gate such an ugly shade of green?',
].join(' ');

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '20' },
    'simulated-step-ms': { type: 'string', default: '0' },
    json: { type: 'string' },
  },
});
const roundCount = Number(flags.rounds);
const recordMs = Number(flags.seconds) * 1000;
const simulatedStepMs = Number(flags['simulated-step-ms']);

const folder = mkdtempSync(join(tmpdir(), 'parley-bench-call-'));
try {
  const script = await bundlePage();
  const speechWav = writeSpeech(SPEECH);
  const server = await Served.start({ engine: 'loopback', simulatedStepMs });
  const way: Way = { kind: 'server', url: server.url, script };
  try {
    const chirpWav = writeTrack('chirps.wav', chirpTrack(30_000));
    const rounds = await withBrowser(chirpWav, (browser) => runRounds(browser, way, { roundCount, recordMs }));
    const quality = { ...(await measureTone(way)), ...(await measureSpeech(way, speechWav)) };
    await server.close();
    const moshi = await callMoshi(speechWav, script, MOSHI_MS);
    publish({
      name: 'call',
      parameters: { roundCount, recordMs, simulatedStepMs },
      metrics: {
        ...addedMetrics(rounds, simulatedStepMs),
        ...hopMetrics(rounds, simulatedStepMs),
        ...quality,
        ...moshiMetrics(moshi),
      },
      raw: { rounds, moshi },
    });
  } finally {
    await server.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measureTone(server: Way): Promise<Record<string, number>> {
  const wav = writeTrack('tone.wav', toneTrack(TONE_SECONDS));
  return withBrowser(wav, async (browser) => {
    const direct = toneQuality((await recordCall(browser, { kind: 'direct' }, QUALITY_MS)).recording);
    const through = toneQuality((await recordCall(browser, server, QUALITY_MS)).recording);
    return {
      tone_snr_db: through.snrDb,
      tone_gain_db: through.gainDb,
      tone_gap_ms: through.gapMs,
      direct_tone_snr_db: direct.snrDb,
      direct_tone_gain_db: direct.gainDb,
    };
  });
}

async function measureSpeech(server: Way, wav: string): Promise<Record<string, number>> {
  return withBrowser(wav, async (browser) => {
    const heard = async (way: Way) => {
      const { sampleRateHz, microphone, received } = (await recordCall(browser, way, QUALITY_MS)).recording;
      return follow({ sampleRateHz, pcm: microphone }, { sampleRateHz, pcm: received });
    };
    const direct = await heard({ kind: 'direct' });
    const through = await heard(server);
    return {
      speech_snr_db: through.snrDb,
      speech_gain_db: through.gainDb,
      speech_correlation: through.correlation,
      direct_speech_snr_db: direct.snrDb,
      direct_speech_correlation: direct.correlation,
    };
  });
}

async function withBrowser<Result>(microphoneWav: string, use: (browser: Browser) => Promise<Result>): Promise<Result> {
  const browser = await launchChromium({ microphoneWav });
  try {
    return await use(browser);
  } finally {
    await browser.close();
  }
}

function writeTrack(name: string, pcm: Float32Array): string {
  const path = join(folder, name);
  writeWav(path, { sampleRateHz: SAMPLE_RATE_HZ, pcm });
  return path;
}
