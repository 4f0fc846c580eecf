import { type DialModel, MARK_COUNT } from './dial-model.ts';

export interface DialPalette {
  readonly ink: string;
  readonly caller: string;
  readonly assistant: string;
  readonly isDark: boolean;
}

export interface DialFrame {
  readonly sizePx: number;
  readonly nowMs: number;
  /** True where the person asked for less motion: levels are drawn, nothing moves by itself. */
  readonly isStill: boolean;
}

// Radii and lengths as parts of the dial's width.
const RING = 0.358;
const MARK_REACH_OUT = 0.125;
const MARK_REACH_IN = 0.1;
const MARK_GAP = 0.012;
const DOT = 0.0026;
const CIRCLE = 0.098;
/** How far the oldest mark has faded. */
const OLDEST_ALPHA = 0.1;
const TURN = 2 * Math.PI;

/** Draws one picture of the dial. Cheap: 150 short strokes, two circles. */
export function drawDial(context: CanvasRenderingContext2D, model: DialModel, palette: DialPalette, frame: DialFrame) {
  const { sizePx } = frame;
  context.clearRect(0, 0, sizePx, sizePx);
  context.save();
  context.translate(sizePx / 2, sizePx / 2);
  context.lineCap = 'round';
  drawMarks(context, model, palette, frame);
  if (model.phase !== 'rest' || model.openness > 0.02) drawVoices(context, model, palette, frame);
  context.restore();
}

function drawMarks(context: CanvasRenderingContext2D, model: DialModel, palette: DialPalette, frame: DialFrame): void {
  const { sizePx } = frame;
  const head = Math.floor(model.turnedMarks);
  const isWritten = model.turnedMarks > 0;
  context.lineWidth = Math.max(1.5, sizePx * 0.0052);
  for (let mark = 0; mark < MARK_COUNT; mark += 1) {
    const angle = (mark / MARK_COUNT) * TURN - TURN / 4;
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    const age = (((head - mark) % MARK_COUNT) + MARK_COUNT) % MARK_COUNT;
    // Marks that this call has not reached yet are as faint as the oldest.
    const isReached = isWritten && (head >= MARK_COUNT || mark <= head);
    const freshness = isReached ? (1 - age / MARK_COUNT) ** 1.3 : 0;
    const alpha = OLDEST_ALPHA + (1 - OLDEST_ALPHA) * freshness;

    context.fillStyle = palette.ink;
    context.globalAlpha = isWritten ? 0.16 + 0.5 * freshness : restAlpha(model, mark, frame);
    context.beginPath();
    context.arc(cos * RING * sizePx, sin * RING * sizePx, DOT * sizePx, 0, TURN);
    context.fill();

    context.globalAlpha = model.phase === 'waiting' ? alpha * 0.45 : alpha;
    const callerReach = (model.caller.marks[mark] ?? 0) * MARK_REACH_OUT;
    stroke(context, palette.caller, cos, sin, (RING + MARK_GAP) * sizePx, callerReach * sizePx);
    const assistantReach = (model.assistant.marks[mark] ?? 0) * MARK_REACH_IN;
    stroke(context, palette.assistant, cos, sin, (RING - MARK_GAP) * sizePx, -assistantReach * sizePx);
  }
  context.globalAlpha = 1;
}

/** Before a call the ring breathes; while one is placed, light runs round it. */
function restAlpha(model: DialModel, mark: number, frame: DialFrame): number {
  if (frame.isStill) return model.phase === 'calling' ? 0.75 : 0.4;
  const turn = mark / MARK_COUNT;
  if (model.phase === 'calling') {
    const behind = (((frame.nowMs / 1_500 - turn) % 1) + 1) % 1;
    return 0.16 + 0.84 * (1 - behind) ** 3;
  }
  return 0.34 + 0.16 * Math.sin(frame.nowMs / 1_400 + turn * TURN * 2);
}

function stroke(
  context: CanvasRenderingContext2D,
  color: string,
  cos: number,
  sin: number,
  fromPx: number,
  lengthPx: number,
): void {
  if (Math.abs(lengthPx) < 1) return;
  context.strokeStyle = color;
  context.beginPath();
  context.moveTo(cos * fromPx, sin * fromPx);
  context.lineTo(cos * (fromPx + lengthPx), sin * (fromPx + lengthPx));
  context.stroke();
}

/** Two voices, two circles: looking for each other while a call is placed, and overlapping in it. */
function drawVoices(context: CanvasRenderingContext2D, model: DialModel, palette: DialPalette, frame: DialFrame): void {
  const sway = frame.isStill ? 0 : Math.sin(frame.nowMs / 420);
  const apart = model.openness * CIRCLE * (model.phase === 'calling' ? 0.78 + 0.26 * sway : 0.62);
  context.globalCompositeOperation = palette.isDark ? 'screen' : 'multiply';
  context.globalAlpha = model.phase === 'waiting' ? 0.3 : 0.92;
  for (const [voice, color, side] of [
    [model.caller, palette.caller, -1],
    [model.assistant, palette.assistant, 1],
  ] as const) {
    const breath = frame.isStill ? 0 : 0.02 * Math.sin(frame.nowMs / 900 + side);
    // Without motion a voice still shows, in steps.
    const loudness = frame.isStill ? Math.round(voice.loudness * 6) / 6 : voice.loudness;
    const radius = CIRCLE * model.openness ** 0.5 * (0.86 + breath + 0.42 * loudness) * frame.sizePx;
    drawVoice(context, color, side * apart * frame.sizePx, radius, voice.isMuted);
  }
  context.globalCompositeOperation = 'source-over';
  context.globalAlpha = 1;
}

/** A muted voice is an empty circle. */
function drawVoice(
  context: CanvasRenderingContext2D,
  color: string,
  x: number,
  radius: number,
  isMuted: boolean,
): void {
  context.beginPath();
  if (isMuted) {
    context.strokeStyle = color;
    context.arc(x, 0, Math.max(0, radius - context.lineWidth / 2), 0, TURN);
    context.stroke();
  } else {
    context.fillStyle = color;
    context.arc(x, 0, radius, 0, TURN);
    context.fill();
  }
}
