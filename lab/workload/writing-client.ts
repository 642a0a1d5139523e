import type { ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Network, Processes, Stoppable, Zone } from '../types.ts';
import type { Attempt } from './attempt.ts';
import { bounded } from './bounded.ts';

export interface WritingClientOptions {
  processes: Processes;
  network: Network;
  /** The client's bundled program. */
  program: string;
  /** Where it stands. */
  zone?: Zone;
  /** The name that it writes to. */
  target: string;
  port?: number;
  /** The DNS server's port on loopback; nothing for a target that is a load balancer's own name. */
  dnsPort?: number;
  /** File of the ledger, JSON lines. */
  ledger: string;
  name?: string;
  ratePerSecond?: number;
  concurrency?: number;
  timeoutMs?: number;
}

const STOP_TIMEOUT_MS = 5_000;

/** The writing client as the lab sees it: a child process, and each outcome as it comes. */
export class WritingClient extends EventEmitter<{ attempt: [Attempt] }> implements Stoppable {
  readonly attempts: Attempt[] = [];
  private readonly child: ChildProcess;
  private readonly lines: Promise<void>;

  constructor(options: WritingClientOptions) {
    super();
    const { processes, network, program, zone = 'internet', target, dnsPort, ledger } = options;
    const { name = `client-${Date.now().toString(36)}`, port = 80, ratePerSecond = 50, concurrency = 32, timeoutMs = 2_000 } = options;
    const settings = { name, target, port, dnsPort, ratePerSecond, concurrency, timeoutMs, ledger };
    const env = { ...network.environment(zone), CLIENT_SETTINGS: JSON.stringify(settings) };
    this.child = processes.spawn(process.execPath, [program], { name, env, pipe: true });
    this.child.stderr?.resume();
    this.lines = this.read();
  }

  get acknowledged(): number {
    return this.attempts.filter((attempt) => attempt.acknowledged).length;
  }

  /** Resolves when so many more writes were acknowledged, by the site where one is named. */
  async acknowledges(more: number, options: { boundMs: number; site?: string; signal?: AbortSignal }): Promise<void> {
    const { boundMs, site, signal } = options;
    let seen = 0;
    const enough = (bound: AbortSignal) =>
      new Promise<void>((resolve) => {
        const count = (attempt: Attempt) => {
          if (attempt.acknowledged && (!site || attempt.site === site)) seen += 1;
          if (seen >= more) resolve();
        };
        this.on('attempt', count);
        bound.addEventListener('abort', () => this.off('attempt', count), { once: true });
      });
    await bounded(boundMs, signal, enough).catch(() => {
      signal?.throwIfAborted();
      throw new Error(`the client had ${seen} of ${more} writes acknowledged${site ? ` by ${site}` : ''} in ${boundMs} ms`);
    });
  }

  /** Ends the client after what is in flight; every outcome has been read when this resolves. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      const killer = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await once(this.child, 'exit');
      clearTimeout(killer);
    }
    await this.lines;
  }

  private async read(): Promise<void> {
    if (!this.child.stdout) return;
    for await (const line of createInterface({ input: this.child.stdout })) {
      const attempt = JSON.parse(line) as Attempt;
      this.attempts.push(attempt);
      this.emit('attempt', attempt);
    }
  }
}
