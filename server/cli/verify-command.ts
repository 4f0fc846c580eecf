import { verifyDirectories } from '../../inference/runtime.ts';

const COLUMNS = [36, 10, 20] as const;

/** Compares the runtime with recorded references, a line a case. @returns false if a case failed or there was none. */
export async function verifyCommand(directories: readonly string[]): Promise<boolean> {
  let [passedCount, count] = [0, 0];
  printRow('case', 'compared', 'largest difference', 'verdict');
  for await (const { name, comparedCount, largestDifference, passed, problem } of verifyDirectories(directories)) {
    const verdict = passed ? 'passed' : `FAILED: ${problem}`;
    printRow(name, String(comparedCount), largestDifference.toExponential(1), verdict);
    passedCount += passed ? 1 : 0;
    count++;
  }
  console.log(`${passedCount} of ${count} cases passed`);
  return count > 0 && passedCount === count;
}

function printRow(...cells: readonly string[]): void {
  console.log(cells.map((cell, column) => cell.padEnd(COLUMNS[column] ?? 0)).join('  '));
}
