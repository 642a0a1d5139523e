import { readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { carries, isRunning, type ProcessEntry, processTable, workingDirectory } from './table.ts';

/** The environment variable that every process of a lab carries; its value is the run's id. */
export const MARKER = 'LIFEBOAT_LAB_RUN';

/** The file in a run's folder that lists what it started, one `pid startTime` a line. */
export const STARTED_FILE = 'started';

/**
 * All processes of one run that still live: those it started, their descendants and process groups, those that carry the run's
 * marker, and those that work inside the run's folder (PostgreSQL's backends make sessions of their own and overwrite their environment).
 */
export function processesOf(runId: string, folder: string): ProcessEntry[] {
  const table = processTable();
  const started = new Set(startedBy(folder).flatMap(({ pid, startedAt }) => (isRunning(pid, startedAt) ? [pid] : [])));
  const descends = (entry: ProcessEntry | undefined, depth = 0): boolean =>
    entry !== undefined && depth < 64 && (started.has(entry.pid) || descends(table.get(entry.parent), depth + 1));
  const inside = (pid: number): boolean => {
    const directory = workingDirectory(pid);
    return directory === folder || (directory?.startsWith(folder + sep) ?? false);
  };
  return [...table.values()].filter(
    (entry) =>
      entry.pid !== process.pid &&
      (started.has(entry.group) || descends(entry) || carries(entry.pid, `${MARKER}=${runId}`) || inside(entry.pid)),
  );
}

/** Kill what is left of a run, until nothing is (a process may fork while we look). Returns what outlived `timeoutMs`. */
export async function sweep(runId: string, folder: string, spare: ReadonlySet<number> = new Set(), timeoutMs = 5000): Promise<number[]> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const left = processesOf(runId, folder).filter((entry) => !spare.has(entry.pid));
    if (left.length === 0 || Date.now() > deadline) return left.map((entry) => entry.pid);
    for (const { pid } of left) kill(pid, 'SIGKILL');
    await delay(20);
  }
}

/** Send a signal to a process (or, for a negative number, a group) that may be gone. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile, which is what we want.
  }
}

function startedBy(folder: string): { pid: number; startedAt: string }[] {
  let text: string;
  try {
    text = readFileSync(join(folder, STARTED_FILE), 'utf8');
  } catch {
    return [];
  }
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [pid = '', ...startedAt] = line.split(' ');
    return { pid: Number(pid), startedAt: startedAt.join(' ') };
  });
}
