/** Every error that inference/ throws, by code; docs/errors.md lists exactly these. Codes are never reused. */
export const INFERENCE_ERRORS = {
  SLOT_UNKNOWN: { retryable: false, fix: 'Use a slot from 0 to slotCount - 1.' },
  SLOT_BUSY: { retryable: true, fix: 'Close the slot first, or take another one.' },
  SLOT_CLOSED: { retryable: false, fix: 'Open the slot before stepping it.' },
  FRAME_INVALID: { retryable: false, fix: 'Send frames of the size, type and range that the engine states.' },
  SAMPLING_INVALID: { retryable: false, fix: 'Use temperatures of 0 or more and a top-k from 1 to topKMax.' },
  ATTRIBUTE_UNKNOWN: {
    retryable: false,
    fix: 'Use an attribute and a value that config.json of the checkpoint names.',
  },
} as const;
export type InferenceErrorCode = keyof typeof INFERENCE_ERRORS;

export class InferenceError extends Error {
  readonly code: InferenceErrorCode;
  constructor(code: InferenceErrorCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.name = 'InferenceError';
    this.code = code;
  }
}
