import type { FunctionDefinition } from './definitions.ts';
import { throttled } from './errors.ts';
import type { Sandbox } from './sandbox.ts';

export interface FleetLimits {
  /** Sandboxes of one region at once; a call beyond waits for one. Each costs a Node process of 50 to 80 MB. */
  maxSandboxes: number;
  /** How long a call waits for a sandbox before it is throttled. */
  queueMs: number;
  /** An idle sandbox ends after this time. AWS keeps one for minutes; over a minute is enough that what runs every minute starts cold once. */
  idleMs: number;
}

export const DEFAULT_LIMITS: FleetLimits = { maxSandboxes: 24, queueMs: 30_000, idleMs: 75_000 };

/** The sandboxes of one region: warm ones are used again, reserved concurrency is kept, idle ones expire. */
export class Fleet {
  private readonly sandboxes = new Map<Sandbox, NodeJS.Timeout | undefined>();
  private readonly waiting = new Set<() => void>();
  private frozen = false;
  private readonly limits: FleetLimits;
  private readonly create: (definition: FunctionDefinition, ended: () => void) => Sandbox;

  constructor(limits: FleetLimits, create: (definition: FunctionDefinition, ended: () => void) => Sandbox) {
    this.limits = limits;
    this.create = create;
  }

  get size(): number {
    return this.sandboxes.size;
  }

  /** A sandbox for one invocation, warm or new. Give it back with `release`. */
  async acquire(definition: FunctionDefinition): Promise<Sandbox> {
    const until = Date.now() + this.limits.queueMs;
    for (;;) {
      this.retireOutdated(definition);
      if (this.busy(definition) >= (definition.reservedConcurrency ?? Number.POSITIVE_INFINITY)) {
        throw throttled('ReservedFunctionConcurrentInvocationLimitExceeded');
      }
      const warm = this.mostRecentIdle(definition);
      if (warm) return this.claim(warm);
      if (this.sandboxes.size < this.limits.maxSandboxes || this.evictOldestIdle()) return this.start(definition);
      await this.vacancy(until);
    }
  }

  release(sandbox: Sandbox): void {
    sandbox.busy = false;
    if (!sandbox.alive) this.remove(sandbox);
    else if (this.sandboxes.has(sandbox))
      this.sandboxes.set(
        sandbox,
        setTimeout(() => this.retire(sandbox), this.limits.idleMs),
      );
    this.wake();
  }

  /** The region goes dark: its sandboxes stop where they are, also those that are only just starting. */
  freeze(): void {
    this.frozen = true;
    for (const sandbox of this.sandboxes.keys()) sandbox.freeze();
  }

  thaw(): void {
    this.frozen = false;
    for (const sandbox of this.sandboxes.keys()) sandbox.thaw();
  }

  stop(): void {
    for (const sandbox of [...this.sandboxes.keys()]) this.retire(sandbox);
  }

  private start(definition: FunctionDefinition): Sandbox {
    const sandbox: Sandbox = this.create(definition, () => this.remove(sandbox));
    this.sandboxes.set(sandbox, undefined);
    if (this.frozen) sandbox.freeze();
    return sandbox;
  }

  private claim(sandbox: Sandbox): Sandbox {
    clearTimeout(this.sandboxes.get(sandbox));
    this.sandboxes.set(sandbox, undefined);
    sandbox.busy = true;
    return sandbox;
  }

  private retire(sandbox: Sandbox): void {
    this.remove(sandbox);
    sandbox.kill();
  }

  private remove(sandbox: Sandbox): void {
    clearTimeout(this.sandboxes.get(sandbox));
    this.sandboxes.delete(sandbox);
    this.wake();
  }

  private of(definition: FunctionDefinition): Sandbox[] {
    return [...this.sandboxes.keys()].filter((sandbox) => sandbox.definition.name === definition.name);
  }

  private busy(definition: FunctionDefinition): number {
    return this.of(definition).filter((sandbox) => sandbox.busy).length;
  }

  private idle(sandboxes: Iterable<Sandbox>): Sandbox[] {
    return [...sandboxes].filter((sandbox) => !sandbox.busy).sort((a, b) => a.lastUsedAt - b.lastUsedAt);
  }

  private mostRecentIdle(definition: FunctionDefinition): Sandbox | undefined {
    return this.idle(this.of(definition)).findLast((sandbox) => sandbox.definition.fingerprint === definition.fingerprint);
  }

  /** Idle sandboxes of the same version with older code or configuration. */
  private retireOutdated(definition: FunctionDefinition): void {
    for (const sandbox of this.idle(this.of(definition))) {
      const { version, fingerprint } = sandbox.definition;
      if (version === definition.version && fingerprint !== definition.fingerprint) this.retire(sandbox);
    }
  }

  private evictOldestIdle(): boolean {
    const [oldest] = this.idle(this.sandboxes.keys());
    if (oldest) this.retire(oldest);
    return oldest !== undefined;
  }

  private vacancy(until: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const vacant = () => {
        clearTimeout(timer);
        this.waiting.delete(vacant);
        resolve();
      };
      const late = () => {
        this.waiting.delete(vacant);
        reject(throttled('ConcurrentInvocationLimitExceeded'));
      };
      const timer = setTimeout(late, Math.max(0, until - Date.now()));
      this.waiting.add(vacant);
    });
  }

  /** Wakes all waiting calls: each looks again, first come first served. */
  private wake(): void {
    for (const vacant of [...this.waiting]) vacant();
  }
}
