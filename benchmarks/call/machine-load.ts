import { existsSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** Kernel time units of all cores since boot; one is 10 ms of one core. */
interface CpuTimes {
  readonly busy: number;
  readonly stolen: number;
  readonly total: number;
}

/** Of all cores' time, in percent. */
export interface MachineLoad {
  /** Whatever ran on this machine, what is measured included. */
  readonly busyPercent: number;
  /** Wanted here, and given to other guests of the same host. */
  readonly stolenPercent: number;
}

/** Begins to watch. @returns a function that tells the load since then. */
export function watchLoad(): () => MachineLoad {
  const before = readCpuTimes();
  return () => {
    const now = readCpuTimes();
    const total = Math.max(1, now.total - before.total);
    return {
      busyPercent: (100 * (now.busy - before.busy)) / total,
      stolenPercent: (100 * (now.stolen - before.stolen)) / total,
    };
  };
}

function readCpuTimes(): CpuTimes {
  // Only Linux tells what was stolen.
  if (!existsSync('/proc/stat')) {
    const times = cpus().map((core) => core.times);
    const sum = (pick: (core: (typeof times)[number]) => number) =>
      times.reduce((total, core) => total + pick(core), 0);
    const total = sum(({ user, nice, sys, idle, irq }) => user + nice + sys + idle + irq);
    return { busy: total - sum(({ idle }) => idle), stolen: 0, total };
  }
  // proc(5): user nice system idle iowait irq softirq steal, then guest times that are in user already.
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!;
  const times = line.trim().split(/\s+/).slice(1, 9).map(Number);
  const [idle = 0, wait = 0] = times.slice(3, 5);
  const stolen = times[7] ?? 0;
  const total = times.reduce((sum, value) => sum + value, 0);
  return { busy: total - idle - wait - stolen, stolen, total };
}
