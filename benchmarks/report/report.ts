import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';

/** What a benchmark measured, in the one form that every `npm run bench:NAME -- --json FILE` writes. */
export interface Report {
  readonly name: string;
  readonly commit: string;
  readonly at: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryGb: number; readonly gpu: string };
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Flat, snake_case, each with its unit in the name. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly raw: unknown;
}

export type Measured = Pick<Report, 'name' | 'parameters' | 'metrics' | 'raw'>;

/** Prints the metrics as a table and, with `--json FILE`, writes the report. */
export function publish(measured: Measured): void {
  const { values } = parseArgs({ options: { json: { type: 'string' } }, strict: false, allowPositionals: true });
  console.table(
    Object.fromEntries(Object.entries(measured.metrics).map(([name, value]) => [name, { value: rounded(value) }])),
  );
  if (typeof values.json !== 'string') return;
  const report: Report = {
    name: measured.name,
    commit: execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim(),
    at: new Date().toISOString(),
    machine: machine(),
    parameters: measured.parameters,
    metrics: Object.fromEntries(Object.entries(measured.metrics).map(([name, value]) => [name, rounded(value)])),
    raw: measured.raw,
  };
  writeFileSync(values.json, `${JSON.stringify(report, undefined, 1)}\n`);
  console.log(`written to ${values.json}`);
}

/** Four significant digits: more would only record the noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** @param quantile 0 to 1. @returns the nearest rank of the values, in any order; NaN where there are none. */
export function quantile(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? Number.NaN;
}

function machine(): Report['machine'] {
  const processors = cpus();
  const memoryGb = Math.round(totalmem() / 2 ** 30);
  return { cpu: processors[0]?.model ?? 'unknown', cores: processors.length, memoryGb, gpu: '' };
}
