import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One running process, as the operating system lists it. */
export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  /** Distinguishes a process from a later one with the same number. */
  startedAt: string;
  command: string;
}

const hasProc = process.platform === 'linux';

/** All processes of this machine. One that ends while we read is left out. */
export function processTable(): Map<number, ProcessEntry> {
  const entries = hasProc ? linuxEntries() : posixEntries();
  return new Map(entries.map((entry) => [entry.pid, entry]));
}

/** The start time of a process, or undefined when there is none with this number. Zombies count as gone. */
export function startTime(pid: number): string | undefined {
  if (hasProc) return linuxEntry(pid)?.startedAt;
  return posixEntries().find((entry) => entry.pid === pid)?.startedAt;
}

/** Is the process that had this number and start time still running? */
export function isRunning(pid: number, startedAt: string): boolean {
  return startTime(pid) === startedAt;
}

/** Does the process carry `NAME=value` in the environment it was started with? Only Linux tells. */
export function carries(pid: number, assignment: string): boolean {
  if (!hasProc) return false;
  return attempt(() => readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(assignment)) ?? false;
}

/** The process's working directory, where the system tells it. */
export function workingDirectory(pid: number): string | undefined {
  return hasProc ? attempt(() => readlinkSync(`/proc/${pid}/cwd`)) : undefined;
}

function linuxEntries(): ProcessEntry[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((name) => linuxEntry(Number(name))).filter((entry) => entry !== undefined);
}

function linuxEntry(pid: number): ProcessEntry | undefined {
  return attempt(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name stands in brackets and may itself hold spaces and brackets: fields count from the last bracket.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, parent, group] = fields;
    if (state === 'Z' || state === 'X') return undefined;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(parent), group: Number(group), startedAt: fields[19] ?? '', command };
  });
}

function posixEntries(): ProcessEntry[] {
  const output = execFileSync('ps', ['-axo', 'pid=,ppid=,pgid=,stat=,lstart=,command='], { encoding: 'utf8', timeout: 5000 });
  const line = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/;
  return output.split('\n').flatMap((text) => {
    const [, pid, parent, group, state, startedAt, command] = line.exec(text) ?? [];
    if (!pid || state?.startsWith('Z')) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), startedAt: startedAt!, command: command! }];
  });
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
