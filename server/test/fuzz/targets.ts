import type { InputName } from './inputs.ts';
import { ServerTarget } from './server-target.ts';
import type { Target } from './trial.ts';
import { LinkTarget } from './worker-link/link-target.ts';

/** What each input is attacked on, one alone: then whatever grows is that input's. */
export const TARGETS = {
  socket: () => ServerTarget.start('socket'),
  http: () => ServerTarget.start('http'),
  rtp: () => ServerTarget.start('rtp'),
  'worker-link': () => LinkTarget.start(),
} as const satisfies Record<InputName, () => Promise<Target & AsyncDisposable>>;
