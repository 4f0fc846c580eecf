import type { Engine } from '../../inference/index.ts';
import { LEAD_MS } from './answers.ts';
import { Conversation, holdCalls } from './conversation.ts';
import type { Span } from './level.ts';
import { type Prompt, readPromptSound } from './manifest.ts';
import { addAt, hum, noise, ROOM_DBFS } from './sounds.ts';
import { heardSpans, samplesIn, unaskedMs } from './timing.ts';

const CLIP_MS = 60_000;
/** As loud as a fan in the room; the last of them is mains hum. */
const NOISE_DBFS = [-60, -56, -52, -48, -44, -40];
const HUM_DBFS = -44;
const HUM_HZ = 50;
const SILENT_CLIPS = 6;
const ECHO_CLIPS = 7;
/** In a clip with echo the caller asks so often, since only an agent that speaks has an echo. */
const ASKED_EVERY_MS = 12_000;

interface Clip {
  readonly kind: 'silence' | 'noise' | 'echo';
  readonly caller: Float32Array;
  /** When the caller speaks. */
  readonly prompts: readonly Span[];
}

export interface FalseSpeech {
  readonly metrics: Readonly<Record<string, number>>;
  readonly raw: readonly { readonly kind: Clip['kind']; readonly unaskedS: number; readonly spokenS: number }[];
}

/**
 * How much an agent says that nobody asked for, in 20 clips of 60 s: silence, noise, and its own echo.
 * @param prompts what the callers ask in the clips with echo.
 */
export async function measureFalseSpeech(
  engine: Engine,
  prompts: readonly Prompt[],
  clipMs = CLIP_MS,
): Promise<FalseSpeech> {
  const raw: FalseSpeech['raw'][number][] = [];
  async function* calls() {
    for (const [seed, clip] of (await makeClips(prompts, clipMs)).entries()) {
      const conversation = new Conversation({ caller: clip.caller, seed, isEchoing: clip.kind === 'echo' });
      yield { clip, conversation };
    }
  }
  await holdCalls(engine, calls(), ({ clip, conversation }) => {
    const spans = heardSpans(conversation.agent);
    const spokenMs = spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    const unasked = unaskedMs(spans, clip.prompts, clipMs);
    raw.push({ kind: clip.kind, unaskedS: unasked / 1000, spokenS: spokenMs / 1000 });
  });
  const seconds = (kind?: Clip['kind']) =>
    raw.filter((clip) => !kind || clip.kind === kind).reduce((sum, { unaskedS }) => sum + unaskedS, 0);
  return {
    metrics: {
      false_speech_s: seconds(),
      false_speech_silence_s: seconds('silence'),
      false_speech_noise_s: seconds('noise'),
      false_speech_echo_s: seconds('echo'),
      false_speech_clips: raw.length,
    },
    raw,
  };
}

async function makeClips(prompts: readonly Prompt[], clipMs: number): Promise<Clip[]> {
  const silent = Array.from({ length: SILENT_CLIPS }, (_, i): Clip => {
    // One in three is digital silence, as a muted microphone sends it.
    const caller = i % 3 === 0 ? new Float32Array(samplesIn(clipMs)) : noise(clipMs, ROOM_DBFS, i);
    return { kind: 'silence', caller, prompts: [] };
  });
  const noisy = [...NOISE_DBFS.map((dbfs, i) => noise(clipMs, dbfs, 100 + i)), hum(clipMs, HUM_DBFS, HUM_HZ)].map(
    (caller): Clip => ({ kind: 'noise', caller, prompts: [] }),
  );
  const asked = prompts.filter(({ intent }) => intent.kind === 'answer');
  if (asked.length === 0) return [...silent, ...noisy];
  const echoing = Array.from({ length: ECHO_CLIPS }, (_, i) => clipWithPrompts(asked, i, clipMs));
  return [...silent, ...noisy, ...(await Promise.all(echoing))];
}

async function clipWithPrompts(asked: readonly Prompt[], clip: number, clipMs: number): Promise<Clip> {
  const caller = noise(clipMs, ROOM_DBFS, 200 + clip);
  const perClip = Math.floor(clipMs / ASKED_EVERY_MS);
  const prompts: Span[] = [];
  for (let i = 0; i < perClip; i++) {
    const { pcm, speech } = await readPromptSound(asked[(clip * perClip + i) % asked.length]!);
    const startMs = LEAD_MS + i * ASKED_EVERY_MS;
    addAt(caller, pcm, startMs);
    prompts.push({ startMs: startMs + speech.startMs, endMs: startMs + speech.endMs });
  }
  return { kind: 'echo', caller, prompts };
}
