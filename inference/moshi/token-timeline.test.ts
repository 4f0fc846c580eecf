import { describe, expect, it } from 'vitest';
import { readCheckpointConfig } from '../checkpoint/config.ts';
import { embeddingRows } from '../graph/temporal.ts';
import { CheckpointCopy } from '../testing/checkpoint-copy.ts';
import { FROM_ENCODER, FROM_THIS_STEP, TokenTimeline } from './token-timeline.ts';

const STREAMS = { text: 0, agentSemantic: 1, agentAcoustic: 2, userSemantic: 5, userAcoustic: 6 } as const;
const AGENT_COUNT = 4;
const STEP_COUNT = 9;

function lmWith(delays: readonly number[]) {
  using copy = new CheckpointCopy();
  copy.editJson('config.json', (json) => Object.assign(json, { delays }));
  return readCheckpointConfig(copy.directory).lm;
}

/** Tokens that tell by their number in which step and stream they were made. */
const made = {
  text: (step: number) => 4 + step,
  agent: (step: number, q: number) => 10 + 4 * step + q,
  user: (step: number, q: number) => 11 + 4 * step + q,
};

/** @returns what each step of a call reads, decodes and lets leave. */
function trace(timeline: TokenTimeline, lm: ReturnType<typeof lmWith>) {
  const { codebookStart, zeroRow } = embeddingRows(lm);
  return Array.from({ length: STEP_COUNT }, (_, step) => {
    const rows = new Int32Array(1 + lm.codebookCount);
    timeline.inputRows(rows);
    // Back from rows of the joint table to tokens of each stream.
    const read = Array.from(rows, (row, stream) => {
      if (row === FROM_ENCODER) return 'encoder';
      if (row === zeroRow) return 'zero';
      return stream === 0 ? row : row - codebookStart(stream - 1);
    });
    const decoded = new Int32Array(AGENT_COUNT);
    timeline.decoderCodes(decoded);
    const { emits } = timeline;
    const emitted = timeline.advance({
      text: made.text(step),
      audio: Array.from({ length: AGENT_COUNT }, (_, q) => made.agent(step, q)),
      userCodes: Array.from({ length: AGENT_COUNT }, (_, q) => made.user(step, q)),
    });
    return { read, decoded: [...decoded], emits, emitted: emitted && [...emitted] };
  });
}

describe('the tokens of a call over time', () => {
  // Moshi's delays: acoustic codes lag by one frame.
  const lm = lmWith([0, 0, 1, 1, 1, 0, 1, 1, 1]);
  const { textCard, audioCard } = lm;

  it('are read as Kyutai reads them: what was made a step ago, the caller in this step, acoustic codes a step later', () => {
    const steps = trace(new TokenTimeline(lm), lm).map(({ read }) => ({
      text: read[STREAMS.text],
      agentSemantic: read[STREAMS.agentSemantic],
      agentAcoustic: read[STREAMS.agentAcoustic],
      userSemantic: read[STREAMS.userSemantic],
      userAcoustic: read[STREAMS.userAcoustic],
    }));
    expect(steps[0]).toEqual({
      text: textCard,
      agentSemantic: audioCard,
      agentAcoustic: audioCard,
      userSemantic: audioCard,
      userAcoustic: audioCard,
    });
    expect(steps[1]).toEqual({
      text: made.text(0),
      agentSemantic: made.agent(0, 0),
      agentAcoustic: audioCard,
      userSemantic: 'encoder',
      userAcoustic: audioCard,
    });
    for (let step = 2; step < STEP_COUNT; step++) {
      expect(steps[step]).toEqual({
        text: made.text(step - 1),
        agentSemantic: made.agent(step - 1, 0),
        agentAcoustic: made.agent(step - 1, 1),
        userSemantic: 'encoder',
        userAcoustic: made.user(step - 1, 1),
      });
    }
  });

  it('leave from the second step on: the semantic code of the step before with the acoustic codes of this one', () => {
    const steps = trace(new TokenTimeline(lm), lm);
    expect(steps[0]).toMatchObject({ emits: false, emitted: undefined });
    for (let step = 1; step < STEP_COUNT; step++) {
      const acoustic = [1, 2, 3].map((q) => made.agent(step, q));
      expect(steps[step]).toMatchObject({
        emits: true,
        emitted: [made.text(step - 1), made.agent(step - 1, 0), ...acoustic],
        decoded: [made.agent(step - 1, 0), FROM_THIS_STEP, FROM_THIS_STEP, FROM_THIS_STEP],
      });
    }
  });

  it('wait for a longer delay', () => {
    const delayed = lmWith([0, 0, 2, 2, 2, 0, 2, 2, 2]);
    const steps = trace(new TokenTimeline(delayed), delayed);
    expect(steps.map(({ emits }) => emits)).toEqual([false, false, ...Array(STEP_COUNT - 2).fill(true)]);
    expect(steps[4]!.emitted).toEqual([made.text(2), made.agent(2, 0), ...[1, 2, 3].map((q) => made.agent(4, q))]);
    expect(steps[4]!.read[STREAMS.userAcoustic]).toBe(made.user(2, 1));
  });

  it('leave at once where nothing is delayed', () => {
    const undelayed = lmWith(Array(9).fill(0));
    const [first] = trace(new TokenTimeline(undelayed), undelayed);
    expect(first).toMatchObject({ emits: true, decoded: Array(AGENT_COUNT).fill(FROM_THIS_STEP) });
    expect(first!.emitted).toEqual([made.text(0), ...[0, 1, 2, 3].map((q) => made.agent(0, q))]);
  });

  it('begin anew after a reset, whatever was there before', () => {
    const timeline = new TokenTimeline(lm);
    const first = trace(timeline, lm);
    timeline.reset();
    expect(timeline.step).toBe(0);
    expect(trace(timeline, lm)).toEqual(first);
  });

  it('are read as nothing where a stream is told to be silent', () => {
    const timeline = new TokenTimeline(lm);
    timeline.advance({ text: -1, audio: [-1, -1, -1, -1], userCodes: [-1, -1, -1, -1] });
    const rows = new Int32Array(1 + lm.codebookCount);
    timeline.inputRows(rows);
    const { zeroRow } = embeddingRows(lm);
    expect(rows[STREAMS.text]).toBe(zeroRow);
    expect(rows[STREAMS.agentSemantic]).toBe(zeroRow);
  });

  it('take the codes that were given instead of the encoder', () => {
    const timeline = new TokenTimeline(lm);
    timeline.advance({ text: 5, audio: [1, 1, 1, 1], userCodes: [2, 2, 2, 2] });
    const rows = new Int32Array(1 + lm.codebookCount);
    timeline.inputRows(rows);
    timeline.replaceEncoderRows(rows, Int32Array.of(7, 8, 9, 10));
    const { codebookStart } = embeddingRows(lm);
    expect(rows[STREAMS.userSemantic]).toBe(codebookStart(4) + 7);
    expect(rows[STREAMS.userAcoustic]).toBe(codebookStart(5) + audioCard);
  });
});
