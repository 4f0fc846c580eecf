import { performance } from 'node:perf_hooks';

/**
 * One Ctrl-C can arrive twice: from the terminal, which signals the whole foreground group, and from npm, which passes
 * it on. Signals this close together are one.
 */
const SAME_SIGNAL_MS = 500;

export interface ShutdownSteps {
  /** On the first signal. */
  readonly drain: () => Promise<void>;
  /** On the second one; the process ends when it is done. */
  readonly force: () => Promise<void>;
}

/** Makes the first SIGTERM or SIGINT drain, and the second one force. */
export function handleSignals({ drain, force }: ShutdownSteps): void {
  let firstAtMs: number | undefined;
  const end = (step: () => Promise<void>): void => {
    step().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  const onSignal = (): void => {
    const nowMs = performance.now();
    if (firstAtMs === undefined) {
      firstAtMs = nowMs;
      end(drain);
    } else if (nowMs - firstAtMs > SAME_SIGNAL_MS) end(force);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
