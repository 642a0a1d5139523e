import type { SiteName } from './plan.ts';

/** A run's right to work on a workload: one at a time, and not for longer than the run may take. */
export interface Claim {
  site: SiteName;
  incident: string;
  /** Name of the execution that holds it, which tells whether anybody still works under it. */
  execution: string;
  mode: 'failover' | 'switchover' | 'restore' | 'repair';
  /** The run has decided to move the workload, or to replace its database. Until then it only looks, and nobody stops for it. */
  acting?: boolean;
  /** A restore is past its point of no return: only its own incident may go on, and nobody drops its claim when its run is dead. */
  committed?: boolean;
  /** Epoch milliseconds. */
  expiresAt: number;
}

/** What the holder proved when it let go: no session of the workload is left, and how far its log reached. */
export interface FenceProof {
  site: SiteName;
  epoch: number;
  /** Epoch milliseconds. */
  at: number;
  /** Last log position by database name; of one that was fenced by network nobody knows it. */
  finalLsn: Record<string, string>;
  /** What showed that nobody writes any more, by database name. */
  proof?: Record<string, string>;
}

/** Who may write for a workload. All times are epoch milliseconds. */
export interface Lease {
  workload: string;
  holder: SiteName;
  epoch: number;
  expiresAt: number;
  released: boolean;
  /** Last heartbeat that the holder wrote into its databases, oldest of them. */
  heartbeatAt?: number;
  claim?: Claim;
  fence?: FenceProof;
  /** The site that traffic should reach; written last, answered by the beacon. */
  serving: SiteName;
  /** When the holder last changed. */
  movedAt?: number;
}

export const claimIsLive = (lease: Lease, now: number): boolean => lease.claim !== undefined && lease.claim.expiresAt > now;

/** A run that would move the workload, and only looks or asks so far: nobody stops for it. */
export const onlyLooks = ({ claim }: Pick<Lease, 'claim'>): boolean =>
  claim !== undefined && !claim.acting && (claim.mode === 'failover' || claim.mode === 'switchover');

/** A planned move that has not begun stands in the way of no outage: a failover takes its claim over, and the move ends at its next look. */
export const givesWay = ({ claim, holder }: Pick<Lease, 'claim' | 'holder'>): boolean =>
  claim?.mode === 'switchover' && !claim.acting && claim.site !== holder;

export type TakeDecision = 'take' | 'wait' | 'held' | 'lost';

/**
 * May `site` take the lease for `incident` now? Only under its own live claim, and only once the holder has released or its time
 * plus the clock bound has passed: `wait` until then. `held`: it has it already. `lost`: the claim is gone or another's.
 */
export const decideTake = (lease: Lease, who: { site: SiteName; incident: string; now: number; maxClockSkewMs: number }): TakeDecision => {
  if (!claimIsLive(lease, who.now) || lease.claim?.incident !== who.incident) return 'lost';
  if (lease.holder === who.site) return 'held';
  return lease.released || lease.expiresAt + who.maxClockSkewMs < who.now ? 'take' : 'wait';
};

export type GuardDecision = 'renew' | 'yield' | 'retake' | 'fence';

/**
 * What the guard of `site` does with the lease that it read: `renew` its own; `yield` (fence, then release) to another site's live
 * claim once that run acts (a run that only confirms an outage, or waits for a person, must not cause one), or to a restore of its own; `retake` what it released when that run gave up (another one that only looks is no reason to wait); `fence` whatever of its own could still write, since another holds it.
 */
export const decideGuard = (lease: Lease, site: SiteName, now: number): GuardDecision => {
  if (lease.holder !== site) return 'fence';
  if (claimIsLive(lease, now) && lease.claim?.acting && (lease.claim.site !== site || lease.claim.mode === 'restore')) return 'yield';
  return lease.released ? 'retake' : 'renew';
};
