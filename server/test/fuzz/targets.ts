import type { Target } from './trial.ts';
import { LinkTarget } from './worker-link/link-target.ts';

/** Every input that a server has, by the name that `prove:fuzz --inputs` takes. */
export const TARGETS = {
  'worker-link': () => LinkTarget.start(),
} as const satisfies Record<string, () => Promise<Target & AsyncDisposable>>;

export type TargetName = keyof typeof TARGETS;
