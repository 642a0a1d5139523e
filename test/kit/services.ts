import demo from '../../environments/demo.ts';
import { Incidents } from '../../lambdas/kit/incidents.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
import type { Item, Ledger } from '../../lambdas/kit/ledger.ts';
import type { SiteName } from '../../lambdas/kit/plan.ts';
import type { Pledge } from '../../lambdas/kit/pledges.ts';
import type { Base, RunRequest } from '../../lambdas/kit/step.ts';
import type { DatabaseAdapter } from '../../lambdas/resources/database.ts';

export const NOW = Date.parse('2026-11-20T12:00:00Z');

export const request = (over: Partial<RunRequest> = {}): RunRequest => ({
  incident: 'run-1',
  execution: 'run-1',
  mode: 'failover',
  dryRun: false,
  trigger: 'alarm',
  reason: 'test',
  detectedAt: null,
  approvalRequired: false,
  answerWithinSeconds: 3_600,
  cooldownUntil: null,
  startedAt: new Date(NOW).toISOString(),
  ...over,
});

export const leaseOf = (over: Partial<Lease> = {}): Lease => ({
  workload: 'orders',
  holder: 'primary',
  epoch: 3,
  expiresAt: NOW + 10_000,
  released: false,
  serving: 'primary',
  heartbeatAt: NOW - 2_000,
  ...over,
});

/** A ledger in memory with the conditions of the protocol spelled out again, so that a step's misuse shows. */
export class MemoryLedger {
  readonly items = new Map<string, Item>();
  readonly writes: string[] = [];
  constructor(public current?: Lease) {}

  lease = async () => this.current && structuredClone(this.current);
  private change(name: string, allowed: boolean, fields: Partial<Lease>): boolean {
    this.writes.push(name);
    if (allowed) this.current = { ...this.current!, ...fields };
    return allowed;
  }
  claim = async (lease: Lease, claim: Lease['claim'], now: number, passed = claim!.execution) => {
    const held = this.current?.claim;
    const gives = held?.execution === passed && (lease.claim?.acting || !held.acting);
    const free = !held || held.expiresAt <= now || held.execution === claim!.execution || gives;
    return this.change('claim', lease.epoch === this.current?.epoch && free, { claim });
  };
  dropClaim = async (_: string, execution: string) =>
    this.change('dropClaim', this.current?.claim?.execution === execution, { claim: undefined });
  take = async (lease: Lease, taker: { site: Lease['holder']; incident: string; now: number; ttlMs: number; maxClockSkewMs: number }) => {
    const { current } = this;
    const free = current!.released || current!.expiresAt < taker.now - taker.maxClockSkewMs;
    const mine = current!.claim?.incident === taker.incident && current!.claim.expiresAt > taker.now;
    return this.change('take', lease.epoch === current!.epoch && free && mine, {
      holder: taker.site,
      epoch: lease.epoch + 1,
      expiresAt: taker.now + taker.ttlMs,
      released: false,
    });
  };
  handBack = async (_: string, execution: string, now: number) =>
    this.change('handBack', this.current?.claim?.execution === execution, { claim: undefined, movedAt: now });
  serve = async (lease: Lease, site: Lease['serving']) =>
    this.change('serve', lease.epoch === this.current?.epoch && this.current.holder === site, { serving: site });
  get = async ({ pk, sk }: { pk: string; sk: string }) => this.items.get(`${pk}/${sk}`);
  put = async (item: Item, condition?: string) => {
    const key = `${item.pk}/${item.sk}`;
    this.writes.push(`put ${key}`);
    if (condition && this.items.has(key)) return false;
    this.items.set(key, item);
    return true;
  };
  set = async ({ pk, sk }: { pk: string; sk: string }, fields: Item) => {
    this.writes.push(`set ${pk}/${sk}`);
    this.items.set(`${pk}/${sk}`, { ...this.items.get(`${pk}/${sk}`), ...fields });
  };
  remove = async ({ pk, sk }: { pk: string; sk: string }) => {
    this.writes.push(`remove ${pk}/${sk}`);
    this.items.delete(`${pk}/${sk}`);
  };
  list = async (pk: string, { prefix = '' } = {}) =>
    [...this.items].filter(([key]) => key.startsWith(`${pk}/${prefix}`)).map(([, item]) => item);
}

/** One site's pledges in memory, with the conditions of the protocol spelled out again. */
export class MemoryPledges {
  readonly done: string[] = [];
  constructor(public current: Pledge = {}) {}

  ask = async (_: string, { site, epoch, now, until }: { site: SiteName; epoch: number; now: number; until: number }) => {
    const { suspendedUntil = 0, closedEpoch = 0, until: before = 0 } = this.current;
    if (suspendedUntil >= now || closedEpoch >= epoch || before > until) return false;
    this.current = { ...this.current, site, epoch, until };
    return true;
  };
  suspend = async (_: string, suspendedUntil: number) => this.change('suspend', { suspendedUntil });
  close = async (_: string, epoch: number) =>
    this.change(`close ${epoch}`, { closedEpoch: Math.max(epoch, this.current.closedEpoch ?? 0) });

  read = async () => this.current;

  private change(what: string, fields: Partial<Pledge>): Pledge {
    this.done.push(what);
    this.current = { ...this.current, ...fields };
    return this.current;
  }
}

/** What every step is given, for the recovery site, with a lease of the given kind. */
export const baseFor = (lease?: Lease, over: Partial<Base> = {}): Base & { memory: MemoryLedger } => {
  const memory = new MemoryLedger(lease);
  const ledger = memory as unknown as Ledger;
  return {
    plan: demo,
    region: 'us-west-2',
    site: 'recovery',
    ledger,
    incidents: new Incidents(ledger),
    now: () => NOW,
    sleep: async () => {},
    memory,
    ...over,
  };
};

/** A standby database that does as a healthy one does; override what the test is about. */
export const databaseOf = (over: Partial<DatabaseAdapter> = {}): DatabaseAdapter => ({
  name: 'orders',
  role: async () => 'replica',
  standby: async () => ({ inRecovery: true, replayLsn: '0/100', heartbeatAt: NOW - 2_000 }),
  hasReplayed: async () => true,
  promote: async () => ({ writableAt: new Date(NOW).toISOString() }),
  fence: async () => ({ finalLsn: '0/100', endedSessions: 1, proof: 'a write was refused' }),
  heartbeat: async () => NOW,
  open: async () => 'renewed',
  extend: async () => 'renewed',
  lastEpoch: async () => 0,
  protect: async () => ({ backupRetentionDays: 7 }),
  rebuild: async () => 'replicating',
  searchLostRows: async () => ({ state: 'nothing-kept' }),
  ...over,
});
