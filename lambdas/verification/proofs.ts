import { type BackupPolicy, intervalSeconds, type ProofName, proofNames } from '../../environments/backup.ts';
import { hasCopyIn } from '../backup/lateness.ts';
import type { Ledger } from '../kit/ledger.ts';
import type { SiteName } from '../kit/plan.ts';
import { provenAt, type RecoveryPoint } from '../kit/recovery-points.ts';

/** The newest attempt and the newest success of a schedule of proofs. Times are ISO 8601 UTC. */
export interface Proof {
  proof: ProofName;
  triedAt: string;
  /** When it last succeeded, with what recovery point, in which run. Nothing where it never did. */
  at?: string;
  point?: string;
  run?: string;
}

interface Of {
  workload: string;
  database: string;
}

/** The newest attempt and success of each schedule, by database. */
export class Proofs {
  constructor(private readonly ledger: Ledger) {}

  /** An attempt that did not succeed leaves what the last success wrote. */
  async record({ workload, database }: Of, proof: Proof): Promise<void> {
    await this.ledger.set({ pk: keyOf(workload, database), sk: proof.proof }, { ...proof });
  }

  async list(workload: string, database: string): Promise<Proof[]> {
    return (await this.ledger.list(keyOf(workload, database))) as unknown as Proof[];
  }
}

const keyOf = (workload: string, database: string): string => `recovery-point#proof#${workload}#${database}`;

const DAY_MS = 86_400_000;
/** What could not be checked is tried again each day for so long; after that a person knows, or nobody ever will. */
const TRIED_FOR_MS = 8 * DAY_MS;

/** The recovery points that a site's daily proof is for: all new ones with a copy there that neither passed nor failed, newest first. */
export const unprovenIn = (points: readonly RecoveryPoint[], site: SiteName, now: number): RecoveryPoint[] =>
  points
    .filter((point) => hasCopyIn(point, site) && point.standing !== 'failed' && !provenAt(point, site))
    .filter(({ dueAt }) => Date.parse(dueAt) <= now && now - Date.parse(dueAt) <= TRIED_FOR_MS)
    .sort((a, b) => Date.parse(b.dueAt) - Date.parse(a.dueAt));

/**
 * Since how many seconds each schedule of proofs is overdue for a database that is active in `site`; 0 while all is well. `since` stands in
 * for the first proof. A run has the time of two restores, for those that wait for room.
 */
export const overdueSeconds = (
  points: readonly RecoveryPoint[],
  proofs: readonly Proof[],
  policy: BackupPolicy,
  { now, since, site }: { now: number; since: number; site: SiteName },
): Record<ProofName, number> => {
  const { timeZone, restoreTimeoutMinutes } = policy.verification;
  const allowed = (proof: ProofName): number =>
    intervalSeconds({ every: proof, timeZone }) + (2 * restoreTimeoutMinutes + policy.graceMinutes) * 60;
  const lastOf = (proof: ProofName): number => {
    const succeeded = proofs.flatMap((each) => (each.proof === proof && each.at ? [Date.parse(each.at)] : []));
    if (proof !== 'daily') return Math.max(since, ...succeeded);
    const oldest = unprovenIn(points, site, now).at(-1);
    return oldest ? Date.parse(oldest.dueAt) + (policy.snapshotTimeoutMinutes + policy.copyTimeoutMinutes) * 60_000 : now;
  };
  const overdue = (proof: ProofName): number => Math.max(0, (now - lastOf(proof)) / 1000 - allowed(proof));
  return Object.fromEntries(proofNames.map((proof) => [proof, overdue(proof)])) as Record<ProofName, number>;
};
