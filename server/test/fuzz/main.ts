import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { publish } from '../../../benchmarks/report/report.ts';
import type { InputName } from './inputs.ts';
import { TARGETS } from './targets.ts';
import { runTrial, type TrialReport } from './trial.ts';
import { judgedCount, problemsOf, violationsOf } from './verdict.ts';

/**
 * `npm run prove:fuzz [-- --json FILE --count N --seed S --inputs NAME,…]`: N mutations of every input of a server, while
 * another call goes on. Prints what came of them; exits 1 where anything was harmed.
 */
const COUNT = 100_000;
const WARM_UP_COUNT = 20_000;
const CONCURRENCY = 16;
const PER_SECOND_MAX = 1000;
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
  const names = values.inputs.split(',');
  const unknown = names.find((name) => !Object.hasOwn(TARGETS, name));
  if (unknown !== undefined) throw new Error(`--inputs ${unknown}: only ${Object.keys(TARGETS).join(', ')}`);
  const reports: TrialReport[] = [];
  for (const name of names) {
    const report = await tryInput(name as InputName, count, seed);
    const problems = problemsOf(report, { inputs: [name as InputName], count, growthMibMax: GROWTH_MIB_MAX });
    tell(name, report, problems);
    if (problems.length > 0) process.exitCode = 1;
    reports.push(report);
  }
  publish({
    name: 'fuzz',
    parameters: { inputs: names, count, seed, warm_up_count: warmUpCountOf(count), per_second_max: PER_SECOND_MAX },
    metrics: metricsOf(reports),
    raw: reports,
  });
}

function warmUpCountOf(count: number): number {
  return Math.min(count, WARM_UP_COUNT);
}

async function tryInput(name: InputName, count: number, seed: number): Promise<TrialReport> {
  await using target = await TARGETS[name]();
  const format = `${name.padEnd(12)} {bar} {value}/{total}  {duration_formatted}`;
  const bar = new SingleBar({ format, stopOnComplete: true });
  bar.start(count, 0);
  // Awaited here: the target is to outlive the trial.
  return await runTrial(target, {
    seed,
    count,
    warmUpCount: warmUpCountOf(count),
    concurrency: CONCURRENCY,
    perSecondMax: PER_SECOND_MAX,
    onProgress: (done) => bar.update(done),
  });
}

function tell(name: string, report: TrialReport, problems: readonly string[]): void {
  for (const { outcomes } of report.campaigns) {
    console.log(`\n${name}: what came of the mutations`);
    console.table(outcomes);
  }
  console.log(`${name}: growth of memory after forced collections, MiB`);
  console.table(
    report.growth.map(({ name, rssMib, heapMib }) => ({
      process: name,
      rss: rssMib.toFixed(1),
      heap: heapMib.toFixed(2),
    })),
  );
  for (const problem of problems) console.log(problem);
}

function metricsOf(reports: readonly TrialReport[]): Record<string, number> {
  const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  const campaigns = reports.flatMap((report) => report.campaigns);
  const heard = (name: string) => reports.map((report) => report.heard[name] ?? 0);
  const growth = reports.flatMap((report) => report.growth);
  return {
    mutations: total(campaigns.map(judgedCount)),
    crashes: total(reports.map(({ crashes }) => crashes.length)),
    violations: total(reports.map((report) => violationsOf(report).length)),
    defects_logged: total(reports.map(({ defects }) => defects.length)),
    warnings: total(reports.map(({ warnings }) => warnings.length)),
    neighbour_harms: total(reports.map(({ harms }) => harms.length)),
    heap_growth_mib_max: Math.max(...growth.map(({ heapMib }) => heapMib).filter(Number.isFinite)),
    rss_growth_mib_max: Math.max(...growth.map(({ rssMib }) => rssMib)),
    neighbour_gap_share_calm_max: Math.max(...heard('gap_share_calm')),
    neighbour_gap_share_attacked_max: Math.max(...heard('gap_share_attacked')),
    neighbour_gap_ms_max: Math.max(...heard('gap_ms_max_attacked')),
    ...Object.fromEntries(
      campaigns.map(({ input, count, elapsedMs }) => [
        `${input.replaceAll('-', '_')}_mutations_per_s`,
        (count * 1000) / elapsedMs,
      ]),
    ),
  };
}

await main();
