import { FRAME_MS } from '../../inference/index.ts';
import { quantile } from '../report/report.ts';
import type { MoshiCall } from './moshi.ts';
import type { Round } from './rounds.ts';

/**
 * A direct call's median this far from that of all direct calls: the machine was busy with something else. Chromium
 * captures and plays blocks of 10 ms, and how the two lie is another matter in each call.
 */
const BASELINE_MOVED_MS = 12;

/**
 * What the server adds, chirp by chirp: mouth to ear, less the median of all direct calls, the frame and the simulated
 * step. Every server round counts; a round beside a direct call whose median had moved is counted as distrusted.
 */
export function addedMetrics(rounds: readonly Round[], simulatedStepMs: number): Record<string, number> {
  const direct = rounds.filter(({ kind }) => kind === 'direct');
  const server = rounds.filter(({ kind }) => kind === 'server');
  const directMs = direct.flatMap(({ delaysMs }) => delaysMs);
  const serverMs = server.flatMap(({ delaysMs }) => delaysMs);
  const baselineMs = quantile(directMs, 0.5);
  const addedMs = serverMs.map((delayMs) => delayMs - baselineMs - FRAME_MS - simulatedStepMs);
  const hasMoved = (round: Round | undefined) =>
    round !== undefined && Math.abs(quantile(round.delaysMs, 0.5) - baselineMs) > BASELINE_MOVED_MS;
  return {
    added_ms_p50: quantile(addedMs, 0.5),
    added_ms_p95: quantile(addedMs, 0.95),
    added_ms_p99: quantile(addedMs, 0.99),
    direct_ms_p50: baselineMs,
    direct_ms_p99: quantile(directMs, 0.99),
    server_ms_p50: quantile(serverMs, 0.5),
    server_ms_p99: quantile(serverMs, 0.99),
    chirps: serverMs.length,
    chirps_lost: sum(server.map(({ lostCount }) => lostCount)),
    distrusted_rounds: rounds.filter(
      (round, i) => round.kind === 'server' && (hasMoved(rounds[i - 1]) || hasMoved(rounds[i + 1])),
    ).length,
    ...loadMetrics(rounds),
  };
}

/** Means over the server rounds, as the server and the browser report them of themselves. */
export function hopMetrics(rounds: readonly Round[], simulatedStepMs: number): Record<string, number> {
  const server = rounds.filter(({ kind }) => kind === 'server');
  const reports = server.flatMap((round) => round.reports);
  const hop = (pick: (report: (typeof reports)[number]) => number) => mean(reports.map(pick));
  const hops = {
    hop_network_ms: hop(({ networkMs }) => networkMs),
    hop_buffer_ms: hop(({ bufferMs }) => bufferMs),
    hop_tick_wait_ms: hop(({ tickWaitMs }) => tickWaitMs),
    hop_step_ms: hop(({ stepMs }) => stepMs) - simulatedStepMs,
    hop_pacing_ms: hop(({ pacingMs }) => pacingMs),
    hop_receiver_buffer_ms: receiverBufferMs(rounds, 'server'),
  };
  const reportedMs = sum(Object.values(hops)) + FRAME_MS + simulatedStepMs;
  return {
    ...hops,
    // Codecs, capture and playout: nobody reports them.
    hop_rest_ms: mean(server.flatMap(({ delaysMs }) => delaysMs)) - reportedMs,
    direct_receiver_buffer_ms: receiverBufferMs(rounds, 'direct'),
    concealed_ms_per_minute: concealedPerMinute(rounds),
  };
}

export function moshiMetrics({ delaysMs, correlation, reports, load }: MoshiCall): Record<string, number> {
  return {
    moshi_ms_p50: quantile(delaysMs, 0.5),
    moshi_ms_p99: quantile(delaysMs, 0.99),
    moshi_step_ms: mean(reports.map(({ stepMs }) => stepMs)),
    moshi_correlation: correlation,
    moshi_busy_percent: load.busyPercent,
  };
}

function loadMetrics(rounds: readonly Round[]): Record<string, number> {
  return {
    busy_percent: mean(rounds.map(({ load }) => load.busyPercent)),
    stolen_percent: mean(rounds.map(({ load }) => load.stolenPercent)),
  };
}

function receiverBufferMs(rounds: readonly Round[], kind: Round['kind']): number {
  const receivers = rounds.filter((round) => round.kind === kind).map((round) => round.receivers);
  return sum(receivers.map(({ bufferedMsSum }) => bufferedMsSum)) / sum(receivers.map((r) => r.bufferSamples));
}

function concealedPerMinute(rounds: readonly Round[]): number {
  const receivers = rounds.filter(({ kind }) => kind === 'server').map((round) => round.receivers);
  const minutes = sum(receivers.map(({ bufferSamples }) => bufferSamples)) / (48_000 * 60);
  return sum(receivers.map(({ concealedMs }) => concealedMs)) / minutes;
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
