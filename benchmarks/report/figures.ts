import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from './report.ts';

const ROOT = join(import.meta.dirname, '../..');
const RESULTS = join(ROOT, 'benchmarks/results');
/** The documents that quote figures. */
export const QUOTING: readonly string[] = ['README.md', 'ARCHITECTURE.md'].map((name) => join(ROOT, name));

/** One line of a table in README: what is measured, in words, and its metric in the result file. */
interface Figure {
  readonly label: string;
  readonly metric: string;
  readonly unit: string;
  /** What the project asks of itself. */
  readonly target?: string;
}

/** What can be quoted, by result file. */
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
  fuzz: [
    { label: 'mutations of socket, HTTP, RTP and worker link', metric: 'mutations', unit: '' },
    { label: 'processes that crashed', metric: 'crashes', unit: '', target: '0' },
    { label: 'answers that break a protocol', metric: 'violations', unit: '', target: '0' },
    { label: 'harm to the call beside them', metric: 'neighbour_harms', unit: '', target: '0' },
    { label: 'growth of a process, at most', metric: 'rss_growth_mib_max', unit: 'MiB', target: '< 5' },
    { label: 'growth of a heap, at most', metric: 'heap_growth_mib_max', unit: 'MiB', target: '< 5' },
  ],
  model: [
    { label: 'answered, voices of the training', metric: 'answered_seen_voices', unit: '', target: '≥ 0.85' },
    { label: 'answered, other voices', metric: 'answered_unseen_voices', unit: '', target: '≥ 0.6' },
    { label: 'the best answer that is always the same', metric: 'chance_best_constant_seen_voices', unit: '' },
    { label: 'end of the prompt to the answer, median', metric: 'response_ms_p50', unit: 'ms', target: '≤ 500' },
    { label: 'interruptions at which it leaves off', metric: 'barge_in_share', unit: '', target: '≥ 0.8' },
    { label: 'onset of an interruption to silence, median', metric: 'barge_in_ms_p50', unit: 'ms', target: '≤ 500' },
    { label: 'the same, 95th percentile', metric: 'barge_in_ms_p95', unit: 'ms', target: '≤ 800' },
    {
      label: 'speech that nobody asked for, in 20 min of silence, noise and echo',
      metric: 'false_speech_s',
      unit: 's',
      target: '0',
    },
    { label: 'forced greetings: words heard otherwise', metric: 'greeting_wer', unit: '', target: '≤ 0.15' },
    { label: 'recalled names, none of them trained on', metric: 'recall_accuracy', unit: '', target: '≥ 0.6' },
    { label: 'the same with nothing to recall', metric: 'recall_accuracy_without', unit: '', target: '≤ 0.05' },
  ],
  'media-kills': [
    { label: 'mediasoup’s worker killed under a call', metric: 'kills', unit: 'times' },
    { label: 'sound back within 3 s', metric: 'back_within_3_s', unit: 'times', target: 'each time' },
    { label: 'sound back, median', metric: 'sound_back_ms_p50', unit: 'ms' },
    { label: 'sound back, longest', metric: 'sound_back_ms_max', unit: 'ms', target: '≤ 3000' },
  ],
};
/** What kind of command writes a result file, where it is not a benchmark. */
const COMMANDS: Readonly<Record<string, string>> = { fuzz: 'prove', 'media-kills': 'prove', model: 'eval' };
/** Three digits: prose needs no more. */
const INLINE_DIGITS = 3;

/**
 * Fills a document from result files: every block `<!-- figures:NAME -->` … `<!-- /figures -->` with the table of a
 * file, and every `<!-- figure:NAME.METRIC -->` … `<!-- /figure -->` within a line with one number.
 *
 * @param directory where the result files lie.
 * @throws where a file is missing, or lacks what is quoted of it.
 */
export function withFigures(document: string, directory = RESULTS): string {
  return document
    .replace(
      /(<!-- figures:([\w-]+) -->\n)[\s\S]*?(<!-- \/figures -->)/g,
      (_, open: string, name: string, close: string) => `${open}${table(name, directory)}${close}`,
    )
    .replace(
      /(<!-- figure:([\w-]+)\.(\w+) -->).*?(<!-- \/figure -->)/g,
      (_, open: string, name: string, metric: string, close: string) => {
        const value = metricOf(readResult(name, directory), metric);
        return `${open}${Number(value.toPrecision(INLINE_DIGITS))}${close}`;
      },
    );
}

function table(name: string, directory: string): string {
  const figures = TABLES[name];
  if (!figures) throw new Error(`a document asks for figures of ${name}, which has no table`);
  const report = readResult(name, directory);
  const rows = figures.map(({ label, metric, unit, target }) => {
    const measured = `${metricOf(report, metric)} ${unit}`.trim();
    return `| ${label} | ${measured} | ${target ?? ''} |`;
  });
  const { cpu, cores, memoryGb } = report.machine;
  const command = `npm run ${COMMANDS[name] ?? 'bench'}:${name}`;
  const where = `\`${command}\` on ${cores} cores (${cpu}), ${memoryGb} GB, ${report.at.slice(0, 10)}, commit ${report.commit.slice(0, 7)}.`;
  return ['| figure | measured | target |', '|---|---|---|', ...rows, '', where, ''].join('\n');
}

function readResult(name: string, directory: string): Report {
  const path = join(directory, `${name}.json`);
  if (!existsSync(path)) throw new Error(`a document asks for figures of ${name}, which has no result file`);
  return JSON.parse(readFileSync(path, 'utf8')) as Report;
}

/** What was not a number when it was measured, such as a mean of nothing, is `null` in JSON. */
function metricOf({ name, metrics }: Report, metric: string): number {
  const value: unknown = metrics[metric];
  if (typeof value !== 'number') throw new Error(`the result file of ${name} lacks ${metric}`);
  return value;
}
