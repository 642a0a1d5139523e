import { type BackupPolicy, intervalSeconds } from '../../environments/backup.ts';
import type { RecoveryPoint } from '../kit/recovery-points.ts';

/** How far a size may lie from the mean of the week before it. */
const WEEK_MS = 7 * 86_400_000;

/**
 * Since how many seconds a database lacks a recovery point that it should have, over all its tiers; 0 while all is well. One counts from
 * the time at which it was due, and only with a copy in the other site. `since` stands in for the first one.
 */
export const lateSeconds = (
  points: readonly RecoveryPoint[],
  policy: BackupPolicy,
  { now, since, other }: { now: number; since: number; other: string },
): number => {
  const allowed = (policy.snapshotTimeoutMinutes + policy.copyTimeoutMinutes + policy.graceMinutes) * 60;
  const late = policy.tiers.map((tier) => {
    const complete = points.filter((point) => point.tier === tier.every && hasCopyIn(point, other)).map(({ dueAt }) => Date.parse(dueAt));
    const newest = Math.max(since, ...complete.filter((at) => at <= now));
    return (now - newest) / 1000 - intervalSeconds(tier) - allowed;
  });
  return Math.max(0, ...late);
};

/**
 * Since how many seconds a snapshot that is complete lacks a copy, in the other site or where the policy asks for one in the vault, beyond
 * the time that it may take; 0 while all is well. What a newer complete one of its tier has overtaken is no longer waited for.
 */
export const copyLateSeconds = (
  points: readonly RecoveryPoint[],
  policy: BackupPolicy,
  { now, other }: { now: number; other: string },
): number => {
  const allowed = (policy.snapshotTimeoutMinutes + policy.copyTimeoutMinutes + policy.graceMinutes) * 60;
  const past = points.filter(({ dueAt }) => Date.parse(dueAt) <= now);
  const lacks = (tier: string, isThere: (point: RecoveryPoint) => boolean): number => {
    const own = past.filter((point) => point.tier === tier);
    const newest = Math.max(0, ...own.filter(isThere).map(({ dueAt }) => Date.parse(dueAt)));
    const lacking = own.map(({ dueAt }) => Date.parse(dueAt)).filter((at) => at > newest);
    return lacking.length === 0 ? 0 : (now - Math.min(...lacking)) / 1000;
  };
  const { copyToAccount } = policy;
  const late = [
    ...policy.tiers.map(({ every }) => lacks(every, (point) => hasCopyIn(point, other)) - allowed),
    ...(copyToAccount?.tiers ?? []).map(
      (tier) => lacks(tier, ({ vault }) => vault !== undefined) - allowed - copyToAccount!.timeoutMinutes * 60,
    ),
  ];
  return Math.max(0, ...late);
};

/** When the newest recovery point with a copy in the other site was due, epoch milliseconds; nothing where there is none. */
export const lastSuccessAt = (points: readonly RecoveryPoint[], { now, other }: { now: number; other: string }): number | undefined => {
  const complete = points.filter((point) => hasCopyIn(point, other)).map(({ dueAt }) => Date.parse(dueAt));
  const past = complete.filter((at) => at <= now);
  return past.length > 0 ? Math.max(...past) : undefined;
};

/** Since how many seconds no recovery point was proven by a restore, beyond what the policy allows; 0 while all is well. */
export const unverifiedSeconds = (
  points: readonly RecoveryPoint[],
  policy: BackupPolicy,
  { now, since }: { now: number; since: number },
): number => {
  const proven = points.flatMap(({ standing, verification }) =>
    standing === 'verified' && verification ? [Date.parse(verification.at)] : [],
  );
  const newest = Math.max(since, ...proven.filter((at) => at <= now));
  return Math.max(0, (now - newest) / 1000 - policy.verification.alarmAfterDays * 86_400);
};

/** How far the newest size lies from the mean of the seven days before it, as a fraction; nothing where there is no such mean. */
export const sizeDeviation = (points: readonly RecoveryPoint[]): number | undefined => {
  const sized = points.filter(({ sizeBytes }) => sizeBytes !== undefined).sort((a, b) => Date.parse(b.dueAt) - Date.parse(a.dueAt));
  const [newest, ...rest] = sized;
  const week = rest.filter(({ dueAt }) => Date.parse(newest!.dueAt) - Date.parse(dueAt) <= WEEK_MS);
  if (week.length === 0) return undefined;
  const mean = week.reduce((sum, { sizeBytes }) => sum + sizeBytes!, 0) / week.length;
  return mean === 0 ? undefined : Math.abs(newest!.sizeBytes! / mean - 1);
};

export const hasCopyIn = ({ copies }: RecoveryPoint, site: string): boolean => copies.some((copy) => copy.site === site && !copy.deletedAt);
