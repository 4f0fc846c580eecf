import { useEffect, useRef } from 'react';
import type { CallState } from '../../sdk/index.ts';
import type { CallStore } from './call-store.ts';
import { DialModel, type DialPhase, loudnessOf } from './dial-model.ts';
import { type DialPalette, drawDial } from './draw-dial.ts';

const PHASES: Record<CallState, DialPhase> = {
  idle: 'rest',
  connecting: 'calling',
  live: 'live',
  reconnecting: 'waiting',
  ended: 'rest',
};

const LABEL = 'Both voices over the last twelve seconds: yours outwards from a ring, Parley’s inwards.';

/** The living centre of the page. Levels reach it past React, so that it draws at the screen's own rate. */
export function Dial({ store, state, isMuted }: { store: CallStore; state: CallState; isMuted: boolean }) {
  const canvasRef = useRef<HTMLCanvasElement>(null);
  const modelRef = useRef<DialModel>(new DialModel());

  useEffect(() => modelRef.current.enter(PHASES[state], performance.now()), [state]);

  useEffect(() => {
    modelRef.current.caller.isMuted = isMuted;
  }, [isMuted]);

  useEffect(() => {
    return store.watchLevels(({ callerDbfs, assistantDbfs }) => {
      const levels = { caller: loudnessOf(callerDbfs), assistant: loudnessOf(assistantDbfs) };
      modelRef.current.hear(levels, performance.now());
    });
  }, [store]);

  useEffect(() => {
    const canvas = canvasRef.current;
    return canvas ? paint(canvas, modelRef.current) : undefined;
  }, []);

  return <canvas ref={canvasRef} className="dial-canvas" role="img" aria-label={LABEL} />;
}

/** Paints until the returned function is called. */
function paint(canvas: HTMLCanvasElement, model: DialModel): () => void {
  const context = canvas.getContext('2d');
  if (!context) return () => undefined;
  const stillness = matchMedia('(prefers-reduced-motion: reduce)');
  const darkness = matchMedia('(prefers-color-scheme: dark)');
  let palette = readPalette(canvas, darkness.matches);
  const repaint = () => {
    palette = readPalette(canvas, darkness.matches);
  };
  darkness.addEventListener('change', repaint);

  let request = 0;
  const draw = (nowMs: number) => {
    request = requestAnimationFrame(draw);
    const sizePx = canvas.clientWidth;
    const pixels = Math.round(sizePx * devicePixelRatio);
    if (canvas.width !== pixels) {
      canvas.width = pixels;
      canvas.height = pixels;
    }
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    model.advance(nowMs);
    drawDial(context, model, palette, { sizePx, nowMs, isStill: stillness.matches });
  };
  request = requestAnimationFrame(draw);
  return () => {
    cancelAnimationFrame(request);
    darkness.removeEventListener('change', repaint);
  };
}

function readPalette(canvas: HTMLCanvasElement, isDark: boolean): DialPalette {
  const style = getComputedStyle(canvas);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return { ink: read('--ink'), caller: read('--caller'), assistant: read('--assistant'), isDark };
}
