import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UseOfRights } from '../../iam/access.ts';
import type { DrillResult } from '../judge/verdict.ts';
import type { Job, News, Outcome } from './job.ts';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));
const COMMAND = [process.execPath, '--import', 'tsx', fileURLToPath(new URL('../../cli.ts', import.meta.url))];
/** The longest scenario takes a third of this. */
const WITHIN_MS = 45 * 60_000;
/** An orderly stop takes at most this; then its reaper ends what the drill started. */
const STOP_WITHIN_MS = 25_000;
const TAIL_CHARACTERS = 2_000;

export interface ChildOptions {
  signal: AbortSignal;
  /** Told of each phase that the drill enters. */
  phase: (title: string) => void;
  /** Keep the laboratory's folder. */
  keep: boolean;
  /** What is run with the drill's words; for tests. Default: this project's drill command. */
  command?: readonly string[];
}

/** Run one drill as a process of its own, with a laboratory of its own. Never rejects; ends when the process has ended. */
export async function runChild(job: Job, { signal, phase, keep, command = COMMAND }: ChildOptions): Promise<Outcome> {
  const startedAt = Date.now();
  // A report that lies there is another run's: this one's verdict is what this one writes.
  rmSync(job.folder, { recursive: true, force: true });
  mkdirSync(job.folder, { recursive: true });
  const [file = '', ...words] = [...command, job.scenario, '--json', '--report', job.folder, ...(keep ? ['--keep'] : [])];
  // A process group of its own: a terminal's interrupt reaches the fleet alone, which stops its drills in order.
  const child = spawn(file, words, { cwd: PROJECT, detached: true, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  child.on('message', (news: News) => phase(news.phase));
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-TAIL_CHARACTERS);
  });
  const end = await ended(child, signal);
  const seconds = (Date.now() - startedAt) / 1_000;
  return { job, seconds, ...verdictOf(job, end, said.trim()) };
}

/** How the process ended, in words; the exit code where it has one. */
type End = number | string;

function ended(child: ChildProcess, signal: AbortSignal): Promise<End> {
  return new Promise((resolve) => {
    let why: string | undefined;
    let killer: NodeJS.Timeout | undefined;
    const stop = (reason: string): void => {
      why ??= reason;
      child.kill('SIGTERM');
      killer ??= setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    };
    const interrupted = (): void => stop('interrupted');
    const bound = setTimeout(() => stop(`it did not end within ${WITHIN_MS / 60_000} min`), WITHIN_MS);
    const done = (end: End): void => {
      for (const timer of [bound, killer]) clearTimeout(timer);
      signal.removeEventListener('abort', interrupted);
      resolve(why ?? end);
    };
    child.once('error', (error) => done(error.message));
    child.once('close', (code, killedBy) => done(code ?? `it was ended by ${killedBy}`));
    signal.addEventListener('abort', interrupted, { once: true });
    if (signal.aborted) interrupted();
  });
}

/** The verdict is the report that this run wrote, if the way it ended agrees with it. */
function verdictOf(job: Job, end: End, said: string): Pick<Outcome, 'result' | 'rights' | 'why'> {
  if (typeof end === 'string') return { why: end };
  const file = join(job.folder, 'report.json');
  if (!existsSync(file)) return { why: `exit code ${end} and no report${said ? `: ${said}` : ''}` };
  try {
    const result = JSON.parse(readFileSync(file, 'utf8')) as DrillResult;
    const rights = JSON.parse(readFileSync(join(job.folder, 'rights.json'), 'utf8')) as UseOfRights;
    if (result.scenario !== job.scenario) return { why: `its report is of ${result.scenario}` };
    return result.passed === (end === 0) ? { result, rights } : { why: `its report says passed: ${result.passed}, its exit code ${end}` };
  } catch (error) {
    return { why: `its report cannot be read: ${(error as Error).message}` };
  }
}
