import demo from '../../environments/demo-backup.ts';
import { NotReady } from '../../lambdas/kit/errors.ts';
import type { SiteName } from '../../lambdas/kit/plan.ts';
import type { Answer, Snapshot } from '../../lambdas/resources/rds-snapshots.ts';
import { OWNER_TAG, type RdsSnapshots } from '../../lambdas/resources/rds-snapshots.ts';
import { baseFor, leaseOf, NOW } from '../kit/services.ts';

/** The demo with so many databases more in its one workload. */
export const planWith = (count: number): typeof demo => {
  const [workload] = demo.workloads;
  const [database] = workload!.databases;
  const databases = Array.from({ length: count }, (_, i) => ({
    ...database!,
    name: `d${i}`,
    instances: { primary: `d${i}-primary`, recovery: `d${i}-replica` },
  }));
  return { ...demo, workloads: [{ ...workload!, databases }] };
};

/** What a step of a backup is given in the primary site, which is active. */
export const primaryBase = (plan = demo) => baseFor(leaseOf(), { plan, site: 'primary', region: 'us-east-1' });

/** A region's snapshots in memory, with RDS's rules: a name is taken once, quotas hold, what is asked for takes a few looks. */
export class MemorySnapshots {
  readonly calls: string[] = [];
  readonly known = new Map<string, Snapshot & { looksLeft: number }>();
  /** Instances that another backup keeps busy. */
  readonly busy = new Set<string>();
  readonly missing = new Set<string>();
  /** Account by identifier of what it may copy. */
  readonly shared = new Map<string, string>();
  constructor(
    readonly region: string,
    private readonly limits: { copies: number; looks: number } = { copies: 20, looks: 1 },
  ) {}

  add(id: string, over: Partial<Snapshot> = {}): void {
    const arn = `arn:aws:rds:${this.region}:000000000000:snapshot:${id}`;
    const base = {
      id,
      arn,
      instance: 'd0-primary',
      engine: 'postgres',
      engineVersion: '18.4',
      allocatedGb: 20,
      encrypted: false,
      copying: false,
    };
    const tags = { [OWNER_TAG]: 'demo-backup', 'lifeboat:database': 'orders' };
    this.known.set(id, { ...base, status: 'available', completedAt: new Date(NOW).toISOString(), tags, looksLeft: 0, ...over });
  }
  async list(): Promise<Map<string, Snapshot>> {
    this.calls.push('list');
    for (const snapshot of this.known.values()) {
      if (snapshot.looksLeft > 0 && --snapshot.looksLeft === 0) Object.assign(snapshot, { status: 'available', copying: false });
    }
    return structuredClone(this.known);
  }
  async take(instance: string, id: string, tags: Record<string, string>): Promise<Answer> {
    this.calls.push(`take ${id}`);
    if (this.missing.has(instance)) return { kind: 'refused', because: 'no such instance' };
    if (this.busy.has(instance)) return { kind: 'wait', because: 'backing-up' };
    this.add(id, { instance, status: 'creating', tags: { ...tags, [OWNER_TAG]: 'demo-backup' } });
    this.known.get(id)!.looksLeft = this.limits.looks;
    return { kind: 'asked' };
  }
  async copyFrom(source: Snapshot, kmsKeyId: string): Promise<Answer> {
    this.calls.push(`copy ${source.id}`);
    if ([...this.known.values()].filter(({ copying }) => copying).length >= this.limits.copies) throw new Error('over the quota of copies');
    this.add(source.id, { ...source, status: 'creating', copying: true, encrypted: true, kmsKeyId, arn: `${this.region}:${source.id}` });
    this.known.get(source.id)!.looksLeft = this.limits.looks;
    return { kind: 'asked' };
  }
  async share(id: string, account: string): Promise<void> {
    this.calls.push(`share ${id}`);
    if (!this.known.has(id)) throw new Error(`${id} does not exist`);
    this.shared.set(id, account);
  }
  async remove(id: string): Promise<void> {
    this.calls.push(`remove ${id}`);
    this.known.delete(id);
  }
}

export const bothSites = (): { memory: Record<SiteName, MemorySnapshots>; snapshots: Record<SiteName, RdsSnapshots> } => {
  const memory = { primary: new MemorySnapshots('us-east-1'), recovery: new MemorySnapshots('us-west-2') };
  return { memory, snapshots: memory as unknown as Record<SiteName, RdsSnapshots> };
};

/** Runs a step as the machine does: again while it is not ready, within a bound. */
export const untilReady = async <T>(run: () => Promise<T>, tries = 100): Promise<{ output: T; polls: number }> => {
  for (let polls = 1; ; polls++) {
    try {
      return { output: await run(), polls };
    } catch (error) {
      if (!(error instanceof NotReady) || polls >= tries) throw error;
    }
  }
};
