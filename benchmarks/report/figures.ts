import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from './report.ts';

const RESULTS = join(import.meta.dirname, '../results');

/** One line of a table in README: what is measured, in words, and its metric in the result file. */
interface Figure {
  readonly label: string;
  readonly metric: string;
  readonly unit: string;
  /** What the project asks of itself. */
  readonly target?: string;
}

/** The figures that README quotes, by benchmark. */
const TABLES: Readonly<Record<string, readonly Figure[]>> = {
  call: [
    { label: 'added to the browsers’ own mouth-to-ear, median', metric: 'added_ms_p50', unit: 'ms', target: '≤ 25' },
    {
      label: 'added to the browsers’ own mouth-to-ear, 99th percentile',
      metric: 'added_ms_p99',
      unit: 'ms',
      target: '≤ 40',
    },
    { label: 'capture of a frame to the first audio that could answer it, median', metric: 'moshi_ms_p50', unit: 'ms' },
    { label: 'the same, 99th percentile', metric: 'moshi_ms_p99', unit: 'ms' },
    { label: 'signal to noise of a tone through the whole path', metric: 'tone_snr_db', unit: 'dB' },
  ],
  inference: [
    { label: 'default model: one step of 1 call', metric: 'default_b1_step_ms_p50', unit: 'ms' },
    { label: 'default model: one step of 32 calls', metric: 'default_b32_step_ms_p50', unit: 'ms' },
    {
      label: 'default model: ready from a warm cache',
      metric: 'default_ready_warm_ms_p50',
      unit: 'ms',
      target: '≤ 2000',
    },
    { label: 'default model: ready with nothing in the cache', metric: 'default_ready_cold_ms', unit: 'ms' },
    { label: 'default model: nodes in the graph', metric: 'default_nodes_per_step', unit: '' },
    {
      label: 'default model: bytes through JavaScript in a step of 1 call',
      metric: 'default_host_kb_per_step_b1',
      unit: 'kB',
    },
    { label: 'larger model: one step of 1 call', metric: 'large_b1_step_ms_p50', unit: 'ms' },
    { label: 'larger model: one step of 8 calls', metric: 'large_b8_step_ms_p50', unit: 'ms' },
    {
      label: 'larger model, 1 call: share of the bare products’ speed',
      metric: 'ceiling_ratio_b1',
      unit: '',
      target: '≥ 0.5',
    },
    {
      label: 'larger model, 8 calls: share of the bare products’ speed',
      metric: 'ceiling_ratio_b8',
      unit: '',
      target: '≥ 0.5',
    },
  ],
};

/** @returns the document with every block `<!-- figures:NAME -->` … `<!-- /figures -->` filled from its result file. */
export function withFigures(document: string): string {
  return document.replace(
    /(<!-- figures:(\w+) -->\n)[\s\S]*?(<!-- \/figures -->)/g,
    (_, open: string, name: string, close: string) => {
      return `${open}${table(name)}${close}`;
    },
  );
}

function table(name: string): string {
  const figures = TABLES[name];
  if (!figures) throw new Error(`README asks for figures of ${name}, which has no table`);
  const path = join(RESULTS, `${name}.json`);
  if (!existsSync(path)) throw new Error(`README asks for figures of ${name}, which has no result file`);
  const report = JSON.parse(readFileSync(path, 'utf8')) as Report;
  const rows = figures.map(({ label, metric, unit, target }) => {
    const value = report.metrics[metric];
    if (value === undefined) throw new Error(`${path} lacks ${metric}`);
    return `| ${label} | ${value} ${unit} | ${target ?? ''} |`;
  });
  const { cpu, cores, memoryGb } = report.machine;
  const where = `\`npm run bench:${name}\` on ${cores} cores (${cpu}), ${memoryGb} GB, ${report.at.slice(0, 10)}, commit ${report.commit.slice(0, 7)}.`;
  return ['| figure | measured | target |', '|---|---|---|', ...rows, '', where, ''].join('\n');
}
