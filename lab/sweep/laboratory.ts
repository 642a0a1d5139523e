import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CallKind, Cell } from './cells.ts';
import type { Judged, LabVerdict } from './matrix.ts';
import type { Order, Report } from './messages.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND = [process.execPath, '--import', 'tsx', fileURLToPath(new URL('./worker.ts', import.meta.url))];
/** Nothing is heard of a laboratory for so long: over the longest run, and what follows it. */
const SILENT_FOR_MS = 40 * 60_000;
const STOP_WITHIN_MS = 30_000;
const TAIL_CHARACTERS = 2_000;

export interface LaboratoryOptions {
  machine: string;
  /** It makes a clean run first. */
  clean: boolean;
  signal: AbortSignal;
  /** The next attack; nothing ends it. */
  next: () => Cell | undefined;
  learned: (kinds: CallKind[]) => void;
  judged: (judged: Judged) => void;
  phase: (phase: string) => void;
  /** What is run; for tests. */
  command?: readonly string[];
}

/** How a laboratory ended: with a verdict over its history, or without one, and why. */
export type LaboratoryEnd = { verdict: LabVerdict } | { why: string; during?: Cell };

/** One laboratory, a process of its own, from its start to its verdict. Never rejects. */
export function runLaboratory({
  machine,
  clean,
  signal,
  next,
  learned,
  judged,
  phase,
  command = COMMAND,
}: LaboratoryOptions): Promise<LaboratoryEnd> {
  const [file = '', ...words] = [...command, machine, ...(clean ? ['clean'] : [])];
  const child = spawn(file, words, { cwd: PROJECT, detached: true, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  return new Promise((resolve) => {
    let verdict: LabVerdict | undefined;
    let during: Cell | undefined;
    let why: string | undefined;
    let said = '';
    const stop = (reason: string): void => {
      why ??= reason;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS).unref();
    };
    const silence = setTimeout(() => stop(`nothing was heard of it for ${SILENT_FOR_MS / 60_000} min`), SILENT_FOR_MS);
    const interrupted = (): void => stop('interrupted');
    const hear: { [K in Report['kind']]: (report: Extract<Report, { kind: K }>) => void } = {
      phase: (report) => phase(report.phase),
      clean: (report) => learned(report.kinds),
      judged: (report) => {
        during = undefined;
        judged(report.judged);
      },
      ready: () => {
        during = next();
        child.send({ cell: during } satisfies Order);
      },
      verdict: (report) => {
        verdict = report.verdict;
      },
    };
    child.on('message', (report: Report) => {
      silence.refresh();
      (hear[report.kind] as (report: Report) => void)(report);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-TAIL_CHARACTERS);
    });
    const done = (end: string): void => {
      clearTimeout(silence);
      signal.removeEventListener('abort', interrupted);
      resolve(verdict && !why ? { verdict } : { why: why ?? `${end}: ${said.trim()}`, during });
    };
    child.once('error', (error) => done(error.message));
    child.once('close', (code, killedBy) => done(`it ended with ${code ?? killedBy}`));
    signal.addEventListener('abort', interrupted, { once: true });
    if (signal.aborted) interrupted();
  });
}
