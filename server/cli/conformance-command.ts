import { runConformance } from '../../inference/index.ts';

/** Tries a worker against each clause of its protocol. @returns false if it fails one. */
export async function conformanceCommand(socketPath: string): Promise<boolean> {
  let [passedCount, count] = [0, 0];
  for await (const { name, demands, passed, problem } of runConformance(socketPath)) {
    console.log(`${passed ? 'passed' : 'FAILED'}  ${name}: ${demands}`);
    if (!passed) console.log(`        ${problem}`);
    passedCount += passed ? 1 : 0;
    count++;
  }
  console.log(`${passedCount} of ${count} clauses passed`);
  return passedCount === count;
}
