import { SingleBar } from 'cli-progress';

/**
 * Shows a bar on stderr while `work` goes on; where that is no terminal, nothing.
 * @param total in whatever `work` counts; `report` is told how much of it is done.
 * @param options.label stands before the bar.
 */
export async function withProgress<T>(
  total: number,
  work: (report: (done: number) => void) => Promise<T>,
  { label = '' } = {},
): Promise<T> {
  const bar = new SingleBar({
    format: `${label && `${label} `}{bar} {percentage} %, {eta_formatted} to go`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(total, 0);
  try {
    return await work((done) => bar.update(done));
  } finally {
    bar.stop();
  }
}
