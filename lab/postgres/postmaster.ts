import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { kill } from '../process/sweep.ts';
import { processTable } from '../process/table.ts';
import type { Settings } from './configuration.ts';
import { ENVIRONMENT } from './run.ts';
import type { PostgresServer } from './server.ts';

/** A standby says something else than a primary, and both may be waited for. */
const READY = /database system is ready to accept (read-only )?connections/;
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 20_000;
const KEPT_LINES = 20;

/** A server's first process, from its start to its end. */
export class Postmaster {
  private readonly exited: Promise<unknown>;
  private lastLines: string[] = [];

  private constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {
    this.exited = once(child, 'exit');
    child.stdout?.resume();
  }

  /** Resolves when the server takes connections, on a standby read-only ones. */
  static async start(server: PostgresServer, settings: Settings = {}): Promise<Postmaster> {
    const { processes, binaries, user } = server.installation;
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const args = ['-D', server.dataDirectory, '-p', String(server.port), ...options];
    const child = processes.spawn(binaries.postgres, args, { name: server.name, env: ENVIRONMENT, ...user, pipe: true });
    const postmaster = new Postmaster(server.name, child);
    try {
      await postmaster.untilReady(path.join(server.directory, 'server.log'));
      return postmaster;
    } catch (error) {
      await postmaster.kill();
      throw error;
    }
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number | undefined {
    return this.running ? this.child.pid : undefined;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.child.kill(signal);
  }

  /** Asks it to end, and ends it where it does not. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) return;
    this.signal(signal);
    const timer = setTimeout(() => void this.kill(), STOP_TIMEOUT_MS);
    await this.exited;
    clearTimeout(timer);
  }

  /** SIGKILL to it and all its children, as when the host dies. It is stopped first, so that it cannot fork meanwhile. */
  async kill(): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    kill(pid, 'SIGSTOP');
    for (const victim of [...childrenOf(pid), pid]) kill(victim, 'SIGKILL');
    await this.exited;
  }

  private async untilReady(logFile: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.failure(`is not ready after ${START_TIMEOUT_MS} ms`)), START_TIMEOUT_MS);
    });
    const logged = this.follow(logFile);
    // Its last words may arrive after its end.
    const ended = this.exited.then(async () => {
      await logged.closed;
      throw this.failure('ended before it was ready');
    });
    ended.catch(() => {});
    try {
      await Promise.race([logged.ready, ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  private follow(logFile: string): { ready: Promise<void>; closed: Promise<unknown> } {
    const file = createWriteStream(logFile, { flags: 'a' });
    file.on('error', () => {});
    const lines = createInterface({ input: this.child.stderr! });
    const ready = new Promise<void>((resolve) => {
      lines.on('line', (line) => {
        file.write(`${line}\n`);
        this.lastLines = [...this.lastLines, line].slice(-KEPT_LINES);
        if (READY.test(line)) resolve();
      });
    });
    lines.on('close', () => file.end());
    return { ready, closed: once(lines, 'close') };
  }

  private failure(what: string): Error {
    return new Error(`PostgreSQL server ${this.name} ${what}:\n${this.lastLines.join('\n')}`);
  }
}

function childrenOf(parent: number): number[] {
  return [...processTable().values()].filter((entry) => entry.parent === parent).map((entry) => entry.pid);
}
