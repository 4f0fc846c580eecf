export type DialPhase = 'rest' | 'calling' | 'live' | 'waiting';

/** One step of the model: Mimi's 12.5 Hz. */
export const FRAME_MS = 80;
/** Marks around the ring: one for each frame of the model, 12 s in one turn. */
export const MARK_COUNT = 150;
/** Loudness between which a voice is drawn, in decibels to full scale: below is a quiet room, above a shout. */
const QUIET_DBFS = -58;
const LOUD_DBFS = -12;
// A voice is seen at once when it starts, and fades over about a fifth of a second.
const ATTACK_MS = 25;
const RELEASE_MS = 190;
const PHASE_MS = 380;
const ECHO = 0.55;

/** @returns 0 in a quiet room to 1 at a shout, even to the ear. */
export function loudnessOf(dbfs: number): number {
  return Math.min(1, Math.max(0, (dbfs - QUIET_DBFS) / (LOUD_DBFS - QUIET_DBFS)));
}

/** One side of the conversation: its marks, and how loud it is right now. */
class Voice {
  /** Loudness by mark, 0 to 1. */
  readonly marks = new Float32Array(MARK_COUNT);
  isMuted = false;
  #target = 0;
  #now = 0;

  /** Loudness to draw now, 0 to 1, smoothed. */
  get loudness(): number {
    return this.#now;
  }

  hear(loudness: number, mark: number): void {
    this.#target = loudness;
    // A voice dies away from mark to mark, so that words stand together and pauses apart.
    const echo = (this.marks[(mark + MARK_COUNT - 1) % MARK_COUNT] ?? 0) * ECHO;
    this.marks[mark] = Math.max(this.marks[mark] ?? 0, loudness, echo > 0.1 ? echo : 0);
  }

  settle(elapsedMs: number): void {
    const timeMs = this.#target > this.#now ? ATTACK_MS : RELEASE_MS;
    this.#now += (this.#target - this.#now) * (1 - Math.exp(-elapsedMs / timeMs));
  }

  fallSilent(): void {
    this.#target = 0;
  }

  forget(): void {
    this.marks.fill(0);
    this.fallSilent();
  }
}

/**
 * What the dial shows: the last 12 s of a call around a ring, a mark for each 80 ms, the caller's voice outwards and
 * the model's inwards, so that turns, overlaps and interruptions can be seen. Time is handed in.
 */
export class DialModel {
  readonly caller = new Voice();
  readonly assistant = new Voice();
  #phase: DialPhase = 'rest';
  #startedAtMs = 0;
  #lastMark = -1;
  #lastAdvanceMs = 0;
  #openness = 0;
  #turnedMarks = 0;

  get phase(): DialPhase {
    return this.#phase;
  }

  /** 0 where there is no call and no circle, 1 when both voices are there. */
  get openness(): number {
    return this.#openness;
  }

  /** How many marks have been written in this call, with its fraction; 0 before it. */
  get turnedMarks(): number {
    return this.#turnedMarks;
  }

  enter(phase: DialPhase, nowMs: number): void {
    if (phase === this.#phase) return;
    const isNewCall = phase === 'live' && this.#phase !== 'waiting';
    if (phase === 'calling' || isNewCall) {
      this.caller.forget();
      this.assistant.forget();
      this.#startedAtMs = nowMs;
      this.#turnedMarks = 0;
      this.#lastMark = -1;
    }
    if (phase === 'rest' || phase === 'waiting') {
      this.caller.fallSilent();
      this.assistant.fallSilent();
    }
    this.#phase = phase;
  }

  /** @param levels loudness of both voices, 0 to 1. */
  hear(levels: { caller: number; assistant: number }, nowMs: number): void {
    if (this.#phase !== 'live') return;
    this.#turnTo(nowMs);
    const mark = this.#lastMark % MARK_COUNT;
    this.caller.hear(levels.caller, mark);
    this.assistant.hear(levels.assistant, mark);
  }

  /** Moves everything on to this moment; call it before drawing. */
  advance(nowMs: number): void {
    const elapsedMs = Math.min(100, Math.max(0, nowMs - this.#lastAdvanceMs));
    this.#lastAdvanceMs = nowMs;
    this.caller.settle(elapsedMs);
    this.assistant.settle(elapsedMs);
    const openness = this.#phase === 'rest' ? 0 : 1;
    this.#openness += (openness - this.#openness) * (1 - Math.exp(-elapsedMs / PHASE_MS));
    if (this.#phase === 'live') this.#turnTo(nowMs);
  }

  #turnTo(nowMs: number): void {
    this.#turnedMarks = Math.max(0, (nowMs - this.#startedAtMs) / FRAME_MS);
    const mark = Math.floor(this.#turnedMarks);
    // What the ring showed a turn ago makes room; after a long pause that is all of it.
    const firstNew = Math.max(this.#lastMark + 1, mark - MARK_COUNT + 1);
    for (let index = firstNew; index <= mark; index += 1) {
      this.caller.marks[index % MARK_COUNT] = 0;
      this.assistant.marks[index % MARK_COUNT] = 0;
    }
    this.#lastMark = Math.max(this.#lastMark, mark);
  }
}
