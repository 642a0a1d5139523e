import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type BackupPolicy, proofNames } from '../../environments/backup.ts';
import { InvalidRequest } from '../kit/errors.ts';
import { type Database, type Environment, workloadOf } from '../kit/plan.ts';

/** Which recovery point; what else is known of it is in the ledger. */
export const pointReference = z.strictObject({
  id: z.string().min(1),
  workload: z.string(),
  database: z.string(),
  dueAt: z.iso.datetime(),
  /** The schedule that it is proven for; none for one by hand. */
  proof: z.enum(proofNames).optional(),
});
export type PointReference = z.infer<typeof pointReference>;

export const verificationRequest = z.strictObject({ run: z.string().min(1), startedAt: z.iso.datetime() });

/** What every step receives that works on one restored copy. */
export const copyRun = z.strictObject({ run: z.string().min(1), point: pointReference });

/** Every copy's name begins with this: the rights to delete instances reach no further. */
export const copyPrefix = (plan: Environment): string => `lifeboat-${plan.name}-verify-`;

/** The same run and point give the same name, so that a step that is tried again finds what it began. */
export const copyName = (plan: Environment, run: string, { id }: PointReference): string =>
  `${copyPrefix(plan)}${createHash('sha256').update(`${run}/${id}`).digest('hex').slice(0, 16)}`;

export const EXPIRES_TAG = 'lifeboat:expires-at';
export const REQUESTED_TAG = 'lifeboat:requested-at';

/** Beyond the restore itself: checks, record, removal. */
const CHECKS_MINUTES = 60;

export const expiryOf = ({ verification }: BackupPolicy, now: number): string =>
  new Date(now + (verification.restoreTimeoutMinutes + CHECKS_MINUTES) * 60_000).toISOString();

/** @throws InvalidRequest for a database that has no policy here. */
export const protectedDatabase = (
  plan: Environment,
  { workload, database }: Pick<PointReference, 'workload' | 'database'>,
): { config: Database; policy: BackupPolicy } => {
  const config = workloadOf(plan, workload).databases.find(({ name }) => name === database);
  if (config?.backup) return { config, policy: config.backup };
  throw new InvalidRequest(`database '${database}' of workload '${workload}' has no backup policy in environment '${plan.name}'`);
};
