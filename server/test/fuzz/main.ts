import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { publish } from '../../../benchmarks/report/report.ts';
import { TARGETS, type TargetName } from './targets.ts';
import { runTrial, type TrialReport } from './trial.ts';

/**
 * `npm run prove:fuzz [-- --json FILE --count N --seed S --inputs NAME,…]`: N mutations of every input of a server, while
 * another call goes on. Prints what came of them; exits 1 where anything was harmed.
 */
const COUNT = 100_000;
const WARM_UP_COUNT = 20_000;
const CONCURRENCY = 16;
const GROWTH_MIB_MAX = 5;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      count: { type: 'string', default: String(COUNT) },
      seed: { type: 'string', default: '1' },
      inputs: { type: 'string', default: Object.keys(TARGETS).join(',') },
    },
  });
  const [count, seed] = [Number(values.count), Number(values.seed)];
  const reports: TrialReport[] = [];
  for (const name of values.inputs.split(',')) {
    if (!Object.hasOwn(TARGETS, name)) throw new Error(`--inputs ${name}: one of ${Object.keys(TARGETS).join(', ')}`);
    const report = await tryInput(name as TargetName, count, seed);
    reports.push(report);
    tell(report);
  }
  publish({
    name: 'fuzz',
    parameters: { count, seed, warm_up_count: Math.min(count, WARM_UP_COUNT), concurrency: CONCURRENCY },
    metrics: metricsOf(reports),
    raw: reports,
  });
  if (!reports.every(isUnharmed)) process.exitCode = 1;
}

async function tryInput(name: TargetName, count: number, seed: number): Promise<TrialReport> {
  await using target = await TARGETS[name]();
  const bar = new SingleBar({
    format: `${name.padEnd(12)} {bar} {value}/{total}  {duration_formatted}`,
    stopOnComplete: true,
  });
  bar.start(count, 0);
  const warmUpCount = Math.min(count, WARM_UP_COUNT);
  const onProgress = (done: number) => bar.update(done);
  // Awaited here: the target is to outlive the trial.
  return await runTrial(target, { seed, count, warmUpCount, concurrency: CONCURRENCY, onProgress });
}

function tell({ input, outcomes, crashes, violations, harms, warnings, growth }: TrialReport): void {
  console.log(`\n${input}: what came of the mutations`);
  console.table(outcomes);
  console.log(`${input}: growth of memory after forced collections, MiB`);
  console.table(
    growth.map(({ name, rssMib, heapMib }) => ({ process: name, rss: rssMib.toFixed(1), heap: heapMib.toFixed(2) })),
  );
  for (const crash of crashes) console.log(`crash: ${crash}`);
  for (const { index, message } of violations) console.log(`violation by mutation ${index}: ${message}`);
  for (const harm of harms) console.log(`harm to the other call: ${harm}`);
  for (const warning of warnings) console.log(`warning: ${warning}`);
}

function metricsOf(reports: readonly TrialReport[]): Record<string, number> {
  const sum = (of: (report: TrialReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const growth = reports.flatMap((report) => report.growth);
  return {
    mutations: sum(({ count }) => count),
    crashes: sum(({ crashes }) => crashes.length),
    violations: sum(({ violationCount }) => violationCount),
    neighbour_harms: sum(({ harms }) => harms.length),
    heap_growth_mib_max: Math.max(...growth.map(({ heapMib }) => heapMib).filter(Number.isFinite)),
    rss_growth_mib_max: Math.max(...growth.map(({ rssMib }) => rssMib)),
    ...Object.fromEntries(
      reports.map(({ input, count, elapsedMs }) => [
        `${input.replaceAll('-', '_')}_mutations_per_s`,
        (count * 1000) / elapsedMs,
      ]),
    ),
  };
}

function isUnharmed({ crashes, violationCount, harms, growth }: TrialReport): boolean {
  const isSmall = (mib: number) => !(mib >= GROWTH_MIB_MAX);
  return (
    crashes.length + violationCount + harms.length === 0 &&
    growth.every(({ rssMib, heapMib }) => isSmall(rssMib) && isSmall(heapMib))
  );
}

await main();
