import type { BackupPolicy } from '../../environments/backup.ts';
import type { Copy, RecoveryPoint } from '../kit/recovery-points.ts';

export interface Removal {
  point: RecoveryPoint;
  copy: Copy;
}

const DAY_MS = 86_400_000;

/**
 * What may go of one database's recovery points, by all of these rules at once: it is older than its tier keeps; it is not among the
 * newest of its tier; it is not under hold; so many newer ones are proven and stay; and another copy stays in its region. A policy
 * that no longer has its tier keeps it: somebody has to say so.
 *
 * Nothing is counted that lies in the future of `now`: after a clock went back, or with one that runs ahead, nothing is deleted on its word.
 */
export const removable = (points: readonly RecoveryPoint[], policy: BackupPolicy, now: number): Removal[] => {
  const standing = new Map(points.map((point) => [point, new Set(point.copies.filter(({ deletedAt }) => !deletedAt))]));
  const present = (point: RecoveryPoint): boolean => standing.get(point)!.size > 0;
  const removals: Removal[] = [];
  // Oldest first: what goes can no longer be counted for what is newer, and what is newer does not need it.
  for (const point of [...points].sort((a, b) => timeOf(a) - timeOf(b))) {
    if (!mayGo(point, points.filter(present), policy, now)) continue;
    for (const copy of [...standing.get(point)!]) {
      if (!another(copy, point, standing, now)) continue;
      standing.get(point)!.delete(copy);
      removals.push({ point, copy });
    }
  }
  return removals;
};

const mayGo = (point: RecoveryPoint, present: readonly RecoveryPoint[], policy: BackupPolicy, now: number): boolean => {
  const tier = policy.tiers.find(({ every }) => every === point.tier);
  const at = timeOf(point);
  if (!tier || !present.includes(point) || Number.isNaN(at) || at > now) return false;
  if (isHeld(point, now)) return false;
  if (now - at <= tier.keepDays * DAY_MS) return false;
  const newer = present.filter((other) => timeOf(other) > at && timeOf(other) <= now);
  if (newer.filter((other) => other.tier === point.tier).length < tier.keepAtLeast) return false;
  return newer.filter(({ standing }) => standing === 'verified').length >= policy.keepVerified;
};

/** Somebody said that nothing of it is deleted before a time that is not over, or that cannot be read. */
export const isHeld = ({ holdUntil }: RecoveryPoint, now: number): boolean => holdUntil !== undefined && !(Date.parse(holdUntil) <= now);

/** Does another, newer point that may be usable keep a copy in the same region? */
const another = (copy: Copy, point: RecoveryPoint, standing: Map<RecoveryPoint, Set<Copy>>, now: number): boolean =>
  [...standing].some(
    ([other, copies]) =>
      timeOf(other) > timeOf(point) &&
      timeOf(other) <= now &&
      other.standing !== 'failed' &&
      [...copies].some(({ region }) => region === copy.region),
  );

const timeOf = ({ dueAt }: RecoveryPoint): number => Date.parse(dueAt);
