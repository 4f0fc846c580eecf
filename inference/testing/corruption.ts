import { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { InferenceErrorCode } from '../errors.ts';
import type { CheckpointCopy } from './checkpoint-copy.ts';

/** One thing that can be wrong with a checkpoint, and what is said of it. */
export interface Corruption {
  readonly title: string;
  readonly fixture?: 'transcriber';
  damage(copy: CheckpointCopy): unknown;
  readonly code: InferenceErrorCode;
  /** DIR stands for the checkpoint's folder. */
  readonly message: string;
}

/** @returns what is said when this checkpoint is opened; undefined where it is taken. */
export function refusalOf(directory: string): { readonly code: unknown; readonly message: string } | undefined {
  let checkpoint: Checkpoint | undefined;
  try {
    checkpoint = new Checkpoint(directory);
    checkpoint.validate();
    return undefined;
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown };
    return { code, message: message.replaceAll(directory, 'DIR') };
  } finally {
    checkpoint?.close();
  }
}
