import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Processes } from '../types.ts';
import type { FunctionDefinition } from './definitions.ts';
import { exited, type FunctionError, timedOut } from './errors.ts';
import { RuntimeApi, type RuntimeEvent } from './runtime-api.ts';

const BOOTSTRAP = join(import.meta.dirname, 'bootstrap.mjs');
/** AWS gives the initialisation of an on-demand function ten seconds that are not counted as the invocation's. */
const INIT_LIMIT_MS = 10_000;
const OUTPUT_GRACE_MS = 250;

export type Outcome = { payload: Buffer } | { error: FunctionError };

export interface SandboxOptions {
  definition: FunctionDefinition;
  processes: Processes;
  environment: Record<string, string>;
  /** Everything the function writes to its standard output and error. */
  output: (text: string) => void;
  /** The process has ended, for whatever reason. */
  ended: () => void;
}

interface Current {
  event: RuntimeEvent;
  outcome?: Outcome;
  settle: (outcome: Outcome) => void;
}

/**
 * One execution environment: a Node.js process behind the Runtime API that serves one invocation at a time. Unlike on AWS, it is not
 * frozen between invocations: a timer that a function leaves behind goes on.
 */
export class Sandbox {
  readonly definition: FunctionDefinition;
  /** Set by whoever claims it, cleared when the runtime waits for the next event. */
  busy = true;
  initMs: number | undefined;
  lastUsedAt = Date.now();
  private readonly options: SandboxOptions;
  private readonly api: RuntimeApi;
  private child: ChildProcess | undefined;
  private current: Current | undefined;
  private initialised: (() => void) | undefined;
  private initFailure: FunctionError | undefined;
  alive = true;
  private frozen = false;
  private onThaw: (() => void) | undefined;
  private written: string[] = [];

  constructor(options: SandboxOptions) {
    this.options = options;
    this.definition = options.definition;
    this.api = new RuntimeApi({
      next: () => this.onNext(),
      response: (id, payload) => this.finish(id, { payload }),
      error: (id, error) => this.finish(id, { error }),
      initError: (error) => {
        this.initFailure = error;
      },
    });
  }

  /** Runs one invocation to its end: answered, failed, timed out or exited. Never rejects. */
  async run(event: Omit<RuntimeEvent, 'deadline'>): Promise<Outcome & { billedMs: number }> {
    if (!this.child) await this.start();
    const startedAt = Date.now();
    const timeoutMs = this.definition.timeoutSeconds * 1000;
    const outcome = await new Promise<Outcome>((settle) => {
      this.current = { event: { ...event, deadline: startedAt + timeoutMs }, settle };
      if (!this.alive) return this.onExit(this.child?.exitCode ?? null, this.child?.signalCode ?? null);
      const stopTimer = this.timer(timeoutMs, () => this.expire(timedOut(event.requestId, this.definition.timeoutSeconds)));
      this.current.settle = (result) => {
        stopTimer();
        settle(result);
      };
      this.api.deliver(this.current.event);
    });
    this.lastUsedAt = Date.now();
    return { ...outcome, billedMs: this.lastUsedAt - startedAt };
  }

  /** The region goes dark: everything stops where it is, deadlines wait too. */
  freeze(): void {
    this.frozen = true;
    this.signal('SIGSTOP');
  }

  /** The region is back: the process goes on, and what is overdue by now times out. */
  thaw(): void {
    this.frozen = false;
    this.signal('SIGCONT');
    this.onThaw?.();
  }

  kill(): void {
    this.alive = false;
    this.signal('SIGKILL');
    this.api.close();
  }

  /** What the function has written since the last time. */
  takeOutput(): string {
    return this.written.splice(0).join('');
  }

  private async start(): Promise<void> {
    const startedAt = Date.now();
    const runtimeApi = await this.api.listen();
    if (!this.alive) return;
    const { definition, processes } = this.options;
    const output = (text: string) => {
      this.written.push(text);
      this.options.output(text);
    };
    const env = { ...this.options.environment, AWS_LAMBDA_RUNTIME_API: runtimeApi };
    const heapMb = Math.max(64, Math.floor(definition.memoryMb * 0.9));
    this.child = processes.spawn(process.execPath, [`--max-old-space-size=${heapMb}`, BOOTSTRAP], {
      name: `lambda-${definition.region}-${definition.name}`,
      cwd: definition.taskRoot,
      env,
      pipe: true,
    });
    if (this.frozen) this.signal('SIGSTOP');
    this.child.stdout?.setEncoding('utf8').on('data', output);
    this.child.stderr?.setEncoding('utf8').on('data', output);
    this.child.once('error', () => this.onExit(1, null));
    this.child.once('close', (code, signal) => this.onExit(code, signal));
    // `close` comes after the last output, but never if the function left a child behind that holds the pipe.
    this.child.once('exit', (code, signal) => setTimeout(() => this.onExit(code, signal), OUTPUT_GRACE_MS).unref());
    await new Promise<void>((resolve) => {
      const stopTimer = this.timer(INIT_LIMIT_MS, () =>
        this.expire({ errorType: 'Sandbox.Timedout', errorMessage: `Init timed out after ${INIT_LIMIT_MS / 1000} seconds` }),
      );
      this.initialised = () => {
        stopTimer();
        resolve();
      };
    });
    this.initMs = Date.now() - startedAt;
  }

  private onNext(): void {
    if (this.initialised) {
      this.initialised();
      this.initialised = undefined;
      return;
    }
    // Only now can it take another event: settling earlier would let a caller's next call find the sandbox busy.
    const current = this.current;
    this.current = undefined;
    if (current?.outcome) current.settle(current.outcome);
  }

  private finish(requestId: string, outcome: Outcome): void {
    if (this.current?.event.requestId === requestId) this.current.outcome ??= outcome;
  }

  private onExit(code: number | null, signal: NodeJS.Signals | null): void {
    const first = this.alive;
    this.alive = false;
    this.api.close();
    this.initialised?.();
    this.initialised = undefined;
    const current = this.current;
    this.current = undefined;
    if (current) current.settle(current.outcome ?? { error: this.initFailure ?? exited(current.event.requestId, code, signal) });
    if (first) this.options.ended();
  }

  private expire(error: FunctionError): void {
    if (this.current) this.current.outcome ??= { error };
    else this.initFailure = error;
    this.signal('SIGKILL');
  }

  private signal(name: NodeJS.Signals): void {
    if (this.child?.exitCode === null && this.child.signalCode === null) this.child.kill(name);
  }

  /** A timer that does not act while the region is dark, but at once on its return. */
  private timer(milliseconds: number, act: () => void): () => void {
    const guarded = () => {
      if (this.frozen) this.onThaw = act;
      else act();
    };
    const handle = setTimeout(guarded, milliseconds);
    return () => {
      clearTimeout(handle);
      this.onThaw = undefined;
    };
  }
}
