import type { ModifyDBInstanceCommandInput } from '@aws-sdk/client-rds';
import demo from '../../environments/demo-backup.ts';
import { decideGuard } from '../../lambdas/kit/lease.ts';
import type { Standing } from '../../lambdas/kit/standing.ts';
import type { Instance, RdsInstances, Settings } from '../../lambdas/resources/rds-instances.ts';
import { readSettings } from '../../lambdas/resources/rds-settings.ts';
import type { RdsSnapshots, Snapshot } from '../../lambdas/resources/rds-snapshots.ts';
import type { RestoreRequest } from '../../lambdas/restore/restoring.ts';
import { baseFor, leaseOf, MemoryPledges, NOW } from '../kit/services.ts';

export const IDENTIFIER = 'orders-primary';
export const settings: Settings = {
  ...readSettings({}),
  DBInstanceClass: 'db.r8g.large',
  MultiAZ: true,
  BackupRetentionPeriod: 14,
  MonitoringInterval: 60,
};

export const requestOf = (over: Partial<RestoreRequest> = {}): RestoreRequest => ({
  incident: 'run-1',
  execution: 'run-1',
  placement: 'inPlace',
  moment: null,
  acceptUnknown: false,
  detectedAt: null,
  dryRun: false,
  reason: 'test',
  database: 'orders',
  point: { id: 'point-1', workload: 'orders', database: 'orders', dueAt: '2026-11-20T02:15:00.000Z' },
  why: 'why',
  startedAt: new Date(NOW).toISOString(),
  lostSeconds: 1,
  ...over,
});

/**
 * The primary site in memory: RDS, which does what it is asked for by the next look, a guard that does as `decideGuard` says, and the
 * ledger. `writers` are the instances that the workload may write to.
 */
export class MemoryRegion {
  readonly known = new Map<string, Instance>();
  readonly taken = new Map<string, Snapshot>();
  readonly calls: string[] = [];
  readonly writers = new Set<string>([IDENTIFIER]);
  readonly told: string[] = [];
  stepCalls = 0;
  ended = new Set<string>();
  private pending: (() => void)[] = [];
  /** How far the guard went on without the ledger, and the other site's word for that. */
  standing?: Standing;
  readonly pledges = new MemoryPledges();
  readonly base = {
    ...baseFor(leaseOf(), { plan: demo, site: 'primary', region: 'us-east-1' }),
    standings: { last: async () => this.standing },
    pledges: this.pledges,
  };

  constructor() {
    this.set(IDENTIFIER, { tags: { team: 'orders' } });
  }

  set(id: string, over: Partial<Instance> = {}): void {
    this.known.set(id, { id, arn: `arn:${id}`, status: 'available', host: `${id}.host`, tags: {}, settings, ...over });
  }

  /** What was asked for has happened. */
  look(): Map<string, Instance> {
    for (const done of this.pending.splice(0)) done();
    return structuredClone(this.known);
  }

  /** None have come here from the other site. */
  backups = { list: async () => [] };

  instances = {
    list: async () => this.look(),
    restoreLike: async (given: Settings | undefined, { id, tags }: { id: string; tags: Record<string, string> }) => {
      this.calls.push(`restore ${id}`);
      this.set(id, { tags, status: 'creating', settings: { ...given, BackupRetentionPeriod: 1, MonitoringInterval: 0 } as Settings });
      this.pending.push(() => this.set(id, { ...this.known.get(id), status: 'available' }));
    },
    modify: async (id: string, { NewDBInstanceIdentifier: to, ...change }: Partial<ModifyDBInstanceCommandInput>) => {
      this.calls.push(to ? `rename ${id} ${to}` : `modify ${id} ${Object.keys(change).sort()}`);
      this.pending.push(() => {
        const found = this.known.get(id)!;
        if (!to) return this.set(id, { ...found, settings: { ...found.settings, ...change } as Settings });
        this.known.delete(id);
        this.set(to, { ...found, id: to, arn: `arn:${to}`, host: `${to}.host` });
      });
    },
    tag: async (arn: string, tags: Record<string, string>) => {
      const id = arn.replace('arn:', '');
      this.calls.push(`tag ${id} ${Object.keys(tags).sort()}`);
      Object.assign(this.known.get(id)!.tags, tags);
    },
    remove: async (id: string) => {
      this.calls.push(`remove ${id}`);
      this.known.delete(id);
      return 'asked' as const;
    },
  } as unknown as RdsInstances;

  snapshots = {
    list: async () => this.taken,
    take: async (instance: string, id: string, tags: Record<string, string>) => {
      this.calls.push(`snapshot ${id}`);
      this.taken.set(id, { id, arn: `arn:${id}`, instance, status: 'available', tags } as unknown as Snapshot);
      return { kind: 'asked' as const };
    },
    remove: async (id: string) => {
      this.calls.push(`remove ${id}`);
      this.taken.delete(id);
    },
  } as unknown as RdsSnapshots;

  /** One round of the site's guard, by the rule that the real one has. */
  guard(): void {
    const lease = this.base.memory.current!;
    switch (decideGuard(lease, 'primary', NOW)) {
      case 'yield':
        this.writers.delete(IDENTIFIER);
        lease.released = true;
        lease.fence = { site: 'primary', epoch: lease.epoch, at: NOW, finalLsn: {} };
        return;
      case 'retake':
        Object.assign(lease, { epoch: lease.epoch + 1, released: false, expiresAt: NOW + 20_000 });
        if (this.known.has(IDENTIFIER)) this.writers.add(IDENTIFIER);
        return;
      case 'renew':
      case 'fence':
        return;
    }
  }
}
