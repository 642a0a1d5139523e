import { z } from 'zod';
import type { Settings } from '../resources/rds-settings.ts';
import type { Item, Ledger } from './ledger.ts';
import type { SiteName } from './plan.ts';

/** A snapshot of a recovery point in one site. */
export interface Copy {
  site: SiteName;
  region: string;
  arn: string;
  /** When RDS says that it was made. ISO 8601 UTC. */
  completedAt: string;
  encrypted: boolean;
  kmsKeyId?: string;
  /** Retention deleted it. */
  deletedAt?: string;
}

/** A snapshot of a recovery point in the account that is the environment's vault, under a key of that account. */
export interface VaultCopy {
  account: string;
  region: string;
  arn: string;
  completedAt: string;
  kmsKeyId?: string;
}

/** `failed`: a restore of it showed that it cannot be used. What could not be told leaves it `unverified`. */
export type Standing = 'unverified' | 'verified' | 'failed';

/** Something that can be restored, and what is known of it. Times are ISO 8601 UTC. */
export interface RecoveryPoint {
  /** Identifier of its snapshots, the same in each site. */
  id: string;
  workload: string;
  database: string;
  tier: string;
  /** When it was due; also its place among the others. */
  dueAt: string;
  /** What its data reach to at least: the newest heartbeat that was written before the snapshot began. */
  reachesTo?: string;
  /** When RDS was asked for the snapshot; the same in each copy of it. ISO 8601 UTC. */
  takenAt?: string;
  instance: string;
  engine: string;
  engineVersion: string;
  allocatedGb: number;
  /** Of the database on disk; RDS itself says of a snapshot only what was allocated. */
  sizeBytes?: number;
  /** Of the instance when it was recorded, and its tags: what a restore puts back when the instance itself is gone. */
  settings?: Settings;
  instanceTags?: Record<string, string>;
  standing: Standing;
  copies: Copy[];
  /** In the other account. Nothing here can delete it, and retention counts on nothing that it cannot see. */
  vault?: VaultCopy;
  /** Nothing of it is deleted before this time. */
  holdUntil?: string;
  verification?: Verification;
  /** When a restore in that site last passed every check; each site writes its own. */
  provenInPrimaryAt?: string;
  provenInRecoveryAt?: string;
}

const PROVEN_IN = { primary: 'provenInPrimaryAt', recovery: 'provenInRecoveryAt' } as const;

/** When the copy of a site last passed every check; nothing where it never did. */
export const provenAt = (point: RecoveryPoint, site: SiteName): string | undefined => point[PROVEN_IN[site]];

export const provenIn = (site: SiteName, at: string): Pick<RecoveryPoint, 'provenInPrimaryAt' | 'provenInRecoveryAt'> => ({
  [PROVEN_IN[site]]: at,
});

export const checkResult = z.object({ check: z.string(), verdict: z.enum(['passed', 'failed', 'unknown']), detail: z.string().optional() });
export type CheckResult = z.infer<typeof checkResult>;

/** The newest attempt to prove a recovery point. */
export interface Verification {
  run: string;
  region: string;
  at: string;
  checks: CheckResult[];
  /** From the request to restore to the first query that was answered: the honest time of a restore. */
  restoreSeconds?: number;
  /** What a restore would have lost: from the newest heartbeat in the copy to the moment at which it was due. */
  measuredRpoSeconds?: number;
}

const keyOf = ({ workload, database, dueAt, id }: Pick<RecoveryPoint, 'workload' | 'database' | 'dueAt' | 'id'>) => ({
  pk: `recovery-point#${workload}#${database}`,
  sk: `${dueAt}#${id}`,
});

/** Recovery points in the ledger, by database and time. */
export class RecoveryPoints {
  constructor(private readonly ledger: Ledger) {}

  /** All that were not filed away, newest first. */
  async list(workload: string, database: string): Promise<RecoveryPoint[]> {
    const items = await this.ledger.list(`recovery-point#${workload}#${database}`, { newestFirst: true });
    return items as unknown as RecoveryPoint[];
  }

  /** Files one away of which no copy is left: what became of it stays on record, beside those that can be restored. Twice does no harm. */
  async fileAway(point: RecoveryPoint): Promise<void> {
    const { pk, sk } = keyOf(point);
    await this.ledger.put({ ...point, pk: `past-${pk}`, sk });
    await this.ledger.remove({ pk, sk });
  }

  async find(point: Pick<RecoveryPoint, 'workload' | 'database' | 'dueAt' | 'id'>): Promise<RecoveryPoint | undefined> {
    return (await this.ledger.get(keyOf(point))) as RecoveryPoint | undefined;
  }

  /** Writes what a backup knows of it; what a verification wrote stays, if it was of this snapshot and not of an earlier one of its name. */
  async record(point: Omit<RecoveryPoint, 'standing'>): Promise<void> {
    const item = { ...keyOf(point), ...point, standing: 'unverified' };
    if (await this.ledger.put(item, 'attribute_not_exists(pk)')) return;
    const before = await this.find(point);
    // Where RDS does not say when one was taken, nothing says that it is another one.
    const isAnother = before?.takenAt && point.takenAt && before.takenAt !== point.takenAt;
    if (isAnother) await this.ledger.put({ ...item, holdUntil: before.holdUntil });
    else await this.ledger.set(keyOf(point), { ...point } as Item);
  }

  note(point: Pick<RecoveryPoint, 'workload' | 'database' | 'dueAt' | 'id'>, fields: Partial<RecoveryPoint>): Promise<void> {
    return this.ledger.set(keyOf(point), fields as Item);
  }
}
