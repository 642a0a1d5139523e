import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../process/port.ts';
import { kill } from '../process/sweep.ts';
import type { Processes } from '../types.ts';

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

/** A server that nobody here wrote, running as a child process with a port of its own. */
export class Engine {
  readonly url: string;
  private readonly child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.child = child;
  }

  /**
   * Start a server and wait until it answers on `readyPath`. Such servers cannot be told to take any free port, so a port that is
   * free now may be taken a moment later: then the server ends, and another port is tried.
   */
  static async start(processes: Processes, command: EngineCommand, attempts = 3): Promise<Engine> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const { file, args, env } = command.on(port);
    const child = processes.spawn(file, args, { name: command.name, env });
    const ready = await isReady(child, url + command.readyPath);
    if (ready) return new Engine(url, child);
    kill(-child.pid!, 'SIGKILL');
    if (attempts <= 1) throw new Error(`${command.name} did not start; its log says why: logs/${command.name}.log in the run's folder.`);
    return Engine.start(processes, command, attempts - 1);
  }

  /** Stop its whole process group in its tracks, workers included: nothing is answered, no timer fires. */
  freeze(): void {
    kill(-this.child.pid!, 'SIGSTOP');
  }

  thaw(): void {
    kill(-this.child.pid!, 'SIGCONT');
  }
}

export interface EngineCommand {
  name: string;
  readyPath: string;
  on(port: number): { file: string; args: string[]; env: Record<string, string> };
}

async function isReady(child: ChildProcess, url: string): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && child.exitCode === null && child.signalCode === null) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    if (response?.ok) return true;
    await delay(POLL_MS);
  }
  return false;
}
