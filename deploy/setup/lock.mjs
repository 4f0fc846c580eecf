// A lock between processes, as a file that holds who has it. Works on one machine and between containers that share
// the folder: a process is looked up by its id where that is possible, and by the lock's heartbeat otherwise.
import { linkSync, mkdirSync, readFileSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const HEARTBEAT_MS = 2_000;
// Fifteen missed heartbeats: a suspended or swapping machine is given time, a vanished container is not waited for.
const SILENT_MS = 30_000;
const RETRY_MS = 200;

/** @typedef {{ pid: number, place: string }} Holder who has a lock; `place` names the machine and its process table */

/**
 * Whether a lock may be taken away from its holder.
 *
 * @param {Holder | null} holder null when the file could not be understood.
 * @param {number} silentMs time since the last heartbeat.
 * @param {string} place where the caller is.
 * @param {(pid: number) => boolean} isAlive asked only for processes of the caller's own place.
 */
export function isAbandoned(holder, silentMs, place, isAlive) {
  if (holder !== null && holder.place === place) return !isAlive(holder.pid);
  return silentMs > SILENT_MS;
}

/**
 * Runs `work` while holding the lock at `path`; waits for another holder to finish. The lock is given back when `work`
 * ends, however it ends, and counts as abandoned when this process dies.
 *
 * @template T
 * @param {string} path the lock's file; its folder is made when missing.
 * @param {() => Promise<T>} work
 * @param {(holder: Holder | null) => void} [onWait] told once, before the waiting begins.
 * @returns {Promise<T>} what `work` returned.
 */
export async function withLock(path, work, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  const me = { pid: process.pid, place: ownPlace() };
  let told = false;
  while (!take(path, me)) {
    if (!told) onWait?.(readHolder(path));
    told = true;
    if (!releaseAbandoned(path, me)) await sleep(RETRY_MS);
  }
  const heartbeat = setInterval(() => touch(path), HEARTBEAT_MS);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(path, { force: true });
  }
}

/** @param {string} path @param {Holder} me */
function take(path, me) {
  // Written aside and then linked, so that a lock is never seen without its holder.
  const written = `${path}.${me.pid}`;
  writeFileSync(written, JSON.stringify(me));
  try {
    linkSync(written, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(written, { force: true });
  }
}

/** Takes an abandoned lock away. @param {string} path @param {Holder} me */
function releaseAbandoned(path, me) {
  // Only one process at a time may judge, or the second would take away what the first has just acquired.
  const judging = `${path}.judging`;
  try {
    mkdirSync(judging);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    // Judging takes microseconds: a folder this old was left by a process that died in it.
    if (silentMs(judging) > SILENT_MS) rmSync(judging, { recursive: true, force: true });
    return false;
  }
  try {
    const abandoned = isAbandoned(readHolder(path), silentMs(path), me.place, isAlive);
    if (abandoned) rmSync(path, { force: true });
    return abandoned;
  } finally {
    rmSync(judging, { recursive: true, force: true });
  }
}

/** @param {string} path @returns {Holder | null} */
function readHolder(path) {
  try {
    const { pid, place } = JSON.parse(readFileSync(path, 'utf8'));
    return Number.isInteger(pid) && typeof place === 'string' ? { pid, place } : null;
  } catch {
    return null; // Gone meanwhile, or not ours to understand.
  }
}

/** Process ids mean something only inside one process table. */
function ownPlace() {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname(); // No /proc: macOS, which has one process table.
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM'; // Alive, but another user's.
  }
}

/** @param {string} path */
function touch(path) {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch (error) {
    // Removed by hand: the holder goes on, the next one simply will not wait for it.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** @param {string} path */
function silentMs(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0; // Gone: nobody is silent.
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code;
}
