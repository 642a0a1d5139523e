import { type Claim, claimIsLive, type Lease, onlyLooks } from '../../../lambdas/kit/lease.ts';
import type { SiteName } from '../../../lambdas/kit/plan.ts';
import type { Pledge } from '../../../lambdas/kit/pledges.ts';

export const PARAMETERS = { ttlMs: 20_000, renewEveryMs: 5_000, maxClockSkewMs: 1_000, fenceLeadMs: 5_000, claimTtlMs: 30_000 };

/**
 * Ways to weaken the protocol. The first group are defects that somebody might write; the second were found by this model in the code
 * and are kept so that they stay found.
 */
export type Flaw =
  | 'no expiry wait'
  /** Neither in the ledger nor in the database. */
  | 'no epoch condition'
  | 'no skew bound'
  | 'no database lease'
  | 'renewal counted from its answer'
  | 'release before fence'
  | 'promotion without take'
  | 'pledging goes on during a take'
  | 'a take does not look at the pledge'
  /** No defect but a choice, whose risk is real. */
  | 'policy available'
  // Found:
  | 'a late renewal shortens the lease'
  | 'a claim fences before the outage is confirmed'
  | 'a closed epoch can be renewed'
  | 'logins opened before the renewal'
  | 'database deadline counted from the arrival'
  | 'a database that is no standby is promoted'
  | 'a run that only looks keeps the lease released';

/** The ledger's conditional writes, each as the one in lambdas/kit/ledger.ts. A write whose condition does not hold changes nothing. */
export class ModelLedger {
  lease: Lease = {
    workload: 'orders',
    holder: 'primary',
    epoch: 1,
    expiresAt: PARAMETERS.ttlMs,
    released: false,
    serving: 'primary',
  };
  /** Successful takes and retakes, for the invariants: the epoch that each began, and by whom. */
  readonly history: { epoch: number; holder: SiteName }[] = [{ epoch: 1, holder: 'primary' }];

  constructor(private readonly flaws: ReadonlySet<Flaw>) {}

  read = (): Lease => this.lease;

  claim(known: Lease, claim: Claim, now: number): boolean {
    const held = this.lease.claim;
    return this.write(known.epoch === this.lease.epoch && (!held || held.expiresAt <= now || held.incident === claim.incident), { claim });
  }

  dropClaim(incident: string): boolean {
    return this.write(this.lease.claim?.incident === incident, { claim: undefined });
  }

  renew(known: Lease, expiresAt: number): boolean {
    const { released } = this.lease;
    const mine = this.isStill(known) && !released;
    const forward = this.flaws.has('a late renewal shortens the lease') || this.lease.expiresAt <= expiresAt;
    return this.write(mine && forward, { expiresAt });
  }

  release(known: Lease): boolean {
    return this.write(this.isStill(known), { released: true });
  }

  take(known: Lease, taker: { site: SiteName; incident: string; now: number }): boolean {
    const { claim, released, expiresAt, epoch } = this.lease;
    const mine = claim?.incident === taker.incident && claim.expiresAt > taker.now;
    const skewMs = this.flaws.has('no skew bound') ? 0 : PARAMETERS.maxClockSkewMs;
    const free = released || expiresAt < taker.now - skewMs || this.flaws.has('no expiry wait');
    return this.begin((epoch === known.epoch || this.flaws.has('no epoch condition')) && mine && free, {
      holder: taker.site,
      epoch: known.epoch + 1,
      expiresAt: taker.now + PARAMETERS.ttlMs,
      released: false,
      movedAt: taker.now,
    });
  }

  retake(known: Lease, now: number): boolean {
    const { released, claim } = this.lease;
    const looked = claimIsLive(known, now) && onlyLooks(known) && !this.flaws.has('a run that only looks keeps the lease released');
    const free = looked ? claim?.execution === known.claim!.execution && !claim.acting : !claim || claim.expiresAt <= now;
    const fields = { epoch: known.epoch + 1, expiresAt: now + PARAMETERS.ttlMs, released: false };
    return this.begin(this.isStill(known) && released && free, looked ? fields : { ...fields, claim: undefined });
  }

  serve(known: Lease, site: SiteName): boolean {
    return this.write(this.lease.holder === site && this.lease.epoch === known.epoch, { serving: site });
  }

  /** Held by the same site in the same epoch as when it was read. */
  private isStill({ holder, epoch }: Lease): boolean {
    return (this.lease.holder === holder && this.lease.epoch === epoch) || this.flaws.has('no epoch condition');
  }

  private begin(allowed: boolean, fields: Partial<Lease>): boolean {
    if (allowed) this.history.push({ epoch: fields.epoch!, holder: fields.holder ?? this.lease.holder });
    return this.write(allowed, fields);
  }

  private write(allowed: boolean, fields: Partial<Lease>): boolean {
    if (allowed) this.lease = { ...this.lease, ...fields };
    return allowed;
  }
}

/** One site's pledges not to take, in its own table: the conditional writes of lambdas/kit/pledges.ts. */
export class ModelPledges {
  pledge: Pledge = {};
  /** What this site's own guards leave to the loop after them. */
  standing?: { epoch: number; until: number };

  constructor(private readonly flaws: ReadonlySet<Flaw>) {}

  ask({ site, epoch, now, until }: { site: SiteName; epoch: number; now: number; until: number }): boolean {
    const { suspendedUntil = 0, closedEpoch = 0, until: promised = 0 } = this.pledge;
    if (suspendedUntil >= now || closedEpoch >= epoch || promised > until) return false;
    this.pledge = { ...this.pledge, site, epoch, until };
    return true;
  }

  suspend(suspendedUntil: number): Pledge {
    return this.change({ suspendedUntil });
  }

  close(epoch: number): Pledge {
    return this.change({ closedEpoch: Math.max(epoch, this.pledge.closedEpoch ?? 0) });
  }

  private change(fields: Partial<Pledge>): Pledge {
    if (!this.flaws.has('pledging goes on during a take')) this.pledge = { ...this.pledge, ...fields };
    return this.flaws.has('a take does not look at the pledge') ? {} : this.pledge;
  }
}

/** One site's database: what it holds, whether the workload may log in, and until when it may write. */
export class ModelDatabase {
  loginsOpen: boolean;
  lease = { epoch: 1, until: 0, closed: false, timeline: 1 };
  timeline = 1;
  /** The epoch in which it became a writer. */
  writerSince = 0;
  /** Writes that it holds; each was acknowledged by the writer of its time. */
  rows: number[] = [];

  constructor(
    readonly site: SiteName,
    public role: 'writer' | 'replica',
    private readonly flaws: ReadonlySet<Flaw>,
    /** How long a transaction that has passed its check takes until it is acknowledged; a fence ends it with its session. */
    private readonly commitLagMs: number,
  ) {
    this.loginsOpen = role === 'writer';
  }

  get leased(): boolean {
    return !this.flaws.has('no database lease');
  }

  accepts(now: number): boolean {
    if (this.role !== 'writer' || !this.loginsOpen) return false;
    if (!this.leased) return true;
    return !this.lease.closed && this.lease.until + this.commitLagMs > now && this.lease.timeline === this.timeline;
  }

  renew(epoch: number, until: number): 'renewed' | 'refused' {
    const { lease } = this;
    const { flaws } = this;
    const old = lease.epoch > epoch && !flaws.has('no epoch condition');
    const closed = lease.epoch === epoch && lease.closed && !flaws.has('a closed epoch can be renewed') && !flaws.has('no epoch condition');
    if (this.role === 'replica' || old || closed) return 'refused';
    const kept = lease.epoch === epoch && lease.timeline === this.timeline ? lease.until : 0;
    this.lease = { epoch, until: Math.max(kept, until), closed: false, timeline: this.timeline };
    return 'renewed';
  }

  openLogins(): void {
    if (this.role === 'writer') this.loginsOpen = true;
  }

  /** False when a newer epoch may write here: then there is nothing to fence. */
  fence(epoch: number): boolean {
    if (this.role === 'replica') return true;
    if (this.leased) {
      if (this.lease.epoch > epoch) return false;
      this.lease = { epoch, until: 0, closed: true, timeline: this.timeline };
    }
    this.loginsOpen = false;
    return true;
  }

  /** A replica's state is its source's, as far as it was replicated. */
  promote(epoch: number): void {
    if (this.role === 'replica') {
      this.role = 'writer';
      this.timeline++;
      this.writerSince = epoch;
    }
    this.loginsOpen = true;
  }

  follow(source: ModelDatabase): void {
    this.role = 'replica';
    this.rows = [...source.rows];
    this.replicate(source);
  }

  replicate(source: ModelDatabase): void {
    this.lease = source.lease;
    this.timeline = source.timeline;
    this.loginsOpen = source.loginsOpen;
    for (let i = this.rows.length; i < source.rows.length; i++) this.rows.push(source.rows[i]!);
  }
}

export const sites = ['primary', 'recovery'] as const;
