/** What whoever judges a model can mend, by code. */
export const EVALUATION_ERRORS = {
  PROMPTS_MISSING: {
    fix: 'Write the prompts with `python -m parley_train prompts`, or give a folder with --prompts or --held-out.',
  },
  MANIFEST_INVALID: { fix: 'Write manifest.json as benchmarks/model/README.md says.' },
  MANIFEST_ENTRY_INVALID: { fix: 'Correct the named entry of manifest.json, as benchmarks/model/README.md says.' },
  PROMPT_UNREADABLE: { fix: 'Give a whole WAV or Ogg Opus file for the named entry.' },
  PROMPT_WITHOUT_SPEECH: { fix: 'Give a recording that holds speech, of 20 s at most, for the named entry.' },
  RECOGNISER_FAILED: {
    fix: 'Give with --python an interpreter in which inference/train is installed, or none: then the text is judged.',
  },
  MODEL_NOT_FINITE: { fix: 'Judge another checkpoint: the numbers of this one grow beyond all bounds.' },
} as const;
export type EvaluationErrorCode = keyof typeof EVALUATION_ERRORS;

export class EvaluationError extends Error {
  readonly code: EvaluationErrorCode;
  constructor(code: EvaluationErrorCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.name = 'EvaluationError';
    this.code = code;
  }
}
