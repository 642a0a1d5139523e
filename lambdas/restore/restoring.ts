import { createHash } from 'node:crypto';
import { z } from 'zod';
import { InvalidRequest } from '../kit/errors.ts';
import { type Database, type Environment, workloadOf } from '../kit/plan.ts';
import { pointReference } from '../verification/copies.ts';

/**
 * Where the restored database goes: next to the old one; in its place, under its identifier and hence its endpoint; or there by way of a
 * clean room, in which nothing of the old trust is left.
 */
export const placement = z.enum(['beside', 'inPlace', 'cleanRoom']);

/** A restore as `read-restore-request` validated it; it travels unchanged through the machine. */
export const restoreRequest = z.strictObject({
  incident: z.string().min(1),
  /** Name of the execution; an incident that was interrupted is gone on with by another one. */
  execution: z.string().min(1),
  dryRun: z.boolean(),
  reason: z.string(),
  placement,
  database: z.string(),
  point: pointReference,
  /** The moment to which the log is replayed, where that was asked for; nothing for a recovery point. */
  moment: z.iso.datetime().nullable(),
  /** Why this recovery point. */
  why: z.string(),
  /** Checks that could not run, and settings that nobody knows any more, do not stop it: a person said so. */
  acceptUnknown: z.boolean(),
  /** Since when the workload cannot be used, where that is known: the clock of the RTO. */
  detectedAt: z.iso.datetime().nullable(),
  startedAt: z.iso.datetime(),
  /** What is lost by going back to it, as far as its heartbeat tells. */
  lostSeconds: z.number().nullable(),
});
export type RestoreRequest = z.infer<typeof restoreRequest>;

/** What every step of a restore receives. */
export const restoreRun = z.strictObject({ workload: z.string(), request: restoreRequest });
export type RestoreRun = z.infer<typeof restoreRun>;

const digest = (text: string, length: number): string => createHash('sha256').update(text).digest('hex').slice(0, length);

/** The same incident gives the same name, so that a step that is tried again finds what it began. */
export const restoredName = (plan: Environment, { incident, point }: RestoreRequest): string =>
  `lifeboat-${plan.name}-restored-${digest(`${incident}/${point.id}`, 16)}`;

/** What the instance that was replaced is called from then on; `environments/names.ts` leaves room for it. */
export const replacedName = (instance: string, { incident }: Pick<RestoreRequest, 'incident'>): string =>
  `${replacedPrefix(instance)}${digest(incident, 8)}`;
export const replacedPrefix = (instance: string): string => `${instance}-old-`;

/** The snapshot of what was there before. */
export const beforeName = (plan: Environment, { incident, database }: Pick<RestoreRequest, 'incident' | 'database'>): string =>
  `lifeboat-${plan.name}-before-${database}-${digest(incident, 16)}`;

/** What is made for a clean room: the snapshot under its key, and the secret with its logins. */
export const cleanName = (plan: Environment, { incident, point }: Pick<RestoreRequest, 'incident' | 'point'>): string =>
  `lifeboat-${plan.name}-clean-${digest(`${incident}/${point.id}`, 16)}`;

/** A person has so long to look at a clean room before it takes over: a working day. */
export const CUT_OVER_SECONDS = 8 * 3_600;

export const KEEP_UNTIL_TAG = 'lifeboat:keep-until';
export const INCIDENT_TAG = 'lifeboat:incident';
/** Nobody deletes what carries it, whatever its age. */
export const HOLD_TAG = 'lifeboat:hold';

export const keepUntil = (config: Database, now: number): string =>
  new Date(now + config.backup!.restore.keepReplacedDays * 86_400_000).toISOString();

/** The database of a restore, and its policies. @throws InvalidRequest for one without backups. */
export const restoredDatabase = (plan: Environment, workload: string, { database }: Pick<RestoreRequest, 'database'>): Database => {
  const config = workloadOf(plan, workload).databases.find(({ name }) => name === database);
  if (config?.backup) return config;
  throw new InvalidRequest(`database '${database}' of workload '${workload}' has no backup policy in environment '${plan.name}'`);
};
