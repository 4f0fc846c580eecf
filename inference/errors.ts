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
  CHECKPOINT_FILE_MISSING: {
    retryable: false,
    fix: 'Point to a directory with config.json, the model, Mimi and the tokenizer.',
  },
  CHECKPOINT_FILE_INVALID: { retryable: false, fix: 'Copy the file again: it is cut short or not of this format.' },
  CHECKPOINT_CONFIG_INVALID: { retryable: false, fix: 'Correct the named key of the configuration file.' },
  CHECKPOINT_UNSUPPORTED: { retryable: false, fix: 'Use a checkpoint without the named feature.' },
  CHECKPOINT_TENSOR_MISSING: { retryable: false, fix: 'Use the weights that belong to this config.json.' },
  CHECKPOINT_TENSOR_INVALID: { retryable: false, fix: 'Use the weights that belong to this config.json.' },
  CACHE_DISK_FULL: {
    retryable: true,
    fix: 'Free the space that is named, or set XDG_CACHE_HOME (--cache of a tool) to a folder on a larger disk.',
  },
  SLOTS_FULL: { retryable: true, fix: 'Wait until a call ends, or start another worker.' },
  FRAME_EARLY: { retryable: true, fix: 'Stamp frames at most 8 ticks ahead of the tick clock.' },
  PROTOCOL_INVALID: { retryable: false, fix: 'Write messages as inference/worker/PROTOCOL.md says.' },
  VERSION_UNSUPPORTED: { retryable: false, fix: 'Run server and worker from the same release.' },
  LINK_CLOSED: { retryable: true, fix: 'Connect again; if the worker died, it has to be started again first.' },
  SLOT_COUNT_INVALID: { retryable: false, fix: 'Give a worker 1 to 1024 slots.' },
  ENGINE_UNKNOWN: { retryable: false, fix: 'Choose the engine `moshi` or `loopback`.' },
  LOG_INVALID: { retryable: false, fix: 'Give a file that a worker recorded, whole up to its end.' },
  LOG_MISMATCH: { retryable: false, fix: 'Replay with the checkpoint, slots and runtime that were recorded.' },
  WORKER_FAILED: { retryable: true, fix: 'Read what the worker wrote to stderr, mend that and start it again.' },
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
