import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Processes, SpawnOptions, Stoppable } from '../types.ts';
import { ancestorsToNpm, isOrphan } from './ancestors.ts';
import { clearEndedRuns, createRunFolder } from './state.ts';
import { kill, MARKER, STARTED_FILE, sweep } from './sweep.ts';
import { startTime } from './table.ts';

export interface SupervisorOptions {
  /** The project's folder: runs of different projects do not meet. Default: the working directory. */
  project?: string;
  /** Keep this run's folder when the next run starts. Default: false. */
  keep?: boolean;
}

const TERMINATE_MS = 3000;

/**
 * Starts the lab's child processes, each in a process group of its own, and ends them all: on `stop()`, and through the reaper also
 * when the lab dies without a word.
 */
export class Supervisor implements Processes, Stoppable {
  readonly runId: string;
  /** The run's folder: data, sockets, `logs/<name>.log`. */
  readonly folder: string;
  private readonly children = new Set<ChildProcess>();
  private readonly reaper: ChildProcess;
  private stopped = false;

  /** Ends what crashed runs left behind, then starts the reaper. */
  static async start(options: SupervisorOptions = {}): Promise<Supervisor> {
    if (isOrphan()) throw new Error('The npm that started this lab has ended: not starting what nobody would stop.');
    const project = options.project ?? process.cwd();
    await clearEndedRuns(project);
    const { id, folder } = createRunFolder(project, options.keep ?? false);
    return new Supervisor(id, folder);
  }

  private constructor(runId: string, folder: string) {
    this.runId = runId;
    this.folder = folder;
    this.reaper = startReaper(runId, folder);
  }

  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    if (this.stopped) throw new Error(`The lab is stopping: ${options.name} is not started.`);
    const log = options.pipe ? undefined : openSync(this.logFile(options.name), 'a');
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(command, args, {
      cwd: options.cwd ?? this.folder,
      env: { PATH, HOME, ...options.env, [MARKER]: this.runId },
      uid: options.uid,
      gid: options.gid,
      detached: true,
      stdio: log === undefined ? 'pipe' : ['ignore', log, log],
    });
    if (log !== undefined) closeSync(log);
    this.adopt(child, options.name);
    return child;
  }

  /** Where the output of the child of this name goes. */
  logFile(name: string): string {
    return join(this.folder, 'logs', `${name}.log`);
  }

  /** Ask every child to end, kill those that do not within seconds, and release the reaper. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    const ends = [...this.children].map((child) => once(child, 'exit'));
    for (const child of this.children) {
      // A stopped process acts on SIGTERM only after it is continued.
      kill(-child.pid!, 'SIGTERM');
      kill(-child.pid!, 'SIGCONT');
    }
    await atMost(TERMINATE_MS, Promise.allSettled(ends));
    const left = await sweep(this.runId, this.folder, new Set([this.reaper.pid!]));
    if (left.length > 0) throw new Error(`Processes of the lab outlived it: ${left.join(', ')}`);
    this.reaper.stdin?.end('released\n');
    if (this.reaper.exitCode === null && this.reaper.signalCode === null) await atMost(TERMINATE_MS, once(this.reaper, 'exit'));
  }

  private adopt(child: ChildProcess, name: string): void {
    // A command that does not exist is reported to the caller by its own listener; without one it must not end the lab.
    child.on('error', (error) => appendFileSync(this.logFile(name), `${error.message}\n`));
    if (child.pid === undefined) return;
    appendFileSync(join(this.folder, STARTED_FILE), `${child.pid} ${startTime(child.pid) ?? ''}\n`);
    this.children.add(child);
    child.once('exit', () => this.children.delete(child));
  }
}

function startReaper(runId: string, folder: string): ChildProcess {
  const loader = join(dirname(createRequire(import.meta.url).resolve('tsx/package.json')), 'dist', 'loader.mjs');
  const script = fileURLToPath(new URL('./reaper.ts', import.meta.url));
  const watched = ancestorsToNpm().map((entry) => `${entry.pid}:${entry.startedAt}`);
  const args = ['--import', pathToFileURL(loader).href, script, runId, folder, String(process.pid), ...watched];
  const { PATH = '', HOME = '' } = process.env;
  const reaper = spawn(process.execPath, args, { detached: true, cwd: '/', env: { PATH, HOME }, stdio: ['pipe', 'ignore', 'ignore'] });
  reaper.on('error', () => undefined);
  reaper.stdin?.on('error', () => undefined);
  reaper.unref();
  // The pipe must not keep the lab's event loop alive.
  (reaper.stdin as Socket | null)?.unref();
  return reaper;
}

/** Wait for an end, but not for ever. The timer keeps the event loop alive, which nothing else may do by now. */
async function atMost(milliseconds: number, end: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([end, bound]);
  clearTimeout(timer);
}
