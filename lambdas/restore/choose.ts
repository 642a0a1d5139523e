import { z } from 'zod';
import { hasCopyIn } from '../backup/lateness.ts';
import { InvalidRequest } from '../kit/errors.ts';
import type { SiteName } from '../kit/plan.ts';
import type { RecoveryPoint } from '../kit/recovery-points.ts';
import type { LogSource } from './log-source.ts';
import type { RestoreRequest } from './restoring.ts';

const moment = z.iso.datetime({ offset: true });

const FORMS =
  'give "latest", "latestVerified", {"at": "<time>"}, {"before": "<time>"} or {"recoveryPoint": "<id>"}, a time as 2026-11-27T10:30:00Z';

/** What to go back to: the newest, the newest that is proven, a moment, the newest before a moment, or one by its identifier. */
export const target = z.union(
  [
    z.literal('latest'),
    z.literal('latestVerified'),
    z.strictObject({ at: moment }),
    z.strictObject({ before: moment }),
    z.strictObject({ recoveryPoint: z.string().min(1) }),
  ],
  FORMS,
);
export type Target = z.infer<typeof target>;

export interface Choice {
  point: RecoveryPoint;
  /** In a sentence, for the record and for the person who asked. */
  why: string;
}

/**
 * The recovery point that a restore in this site takes. One that failed its checks is taken only by its identifier: a person may know why.
 * @throws InvalidRequest when there is none, with what there is.
 */
export const choose = (points: readonly RecoveryPoint[], site: SiteName, wanted: Exclude<Target, { at: string }>): Choice => {
  const here = points.filter((point) => hasCopyIn(point, site)).sort((a, b) => Date.parse(b.dueAt) - Date.parse(a.dueAt));
  const usable = here.filter(({ standing }) => standing !== 'failed');
  const proven = usable.filter(({ standing }) => standing === 'verified');
  const found = (point: RecoveryPoint | undefined, why: string): Choice => {
    if (point) return { point, why: `${why}; it is ${point.standing}` };
    throw new InvalidRequest(
      `target: no such recovery point in site '${site}' (${why}); there are ${here.length}, ${proven.length} of them verified`,
    );
  };
  if (wanted === 'latest') return found(usable[0], `the newest of ${here.length} that did not fail its checks`);
  if (wanted === 'latestVerified') return found(proven[0], `the newest of ${proven.length} that were proven by a restore`);
  if ('recoveryPoint' in wanted)
    return found(
      here.find(({ id }) => id === wanted.recoveryPoint),
      `named '${wanted.recoveryPoint}'`,
    );
  return found(
    usable.find((point) => isBefore(point, wanted.before)),
    `the newest whose data can only be older than ${wanted.before}`,
  );
};

/** What a clean room takes: the newest proven one whose data can only be older than the moment, or one by its identifier, which must be proven too. */
export const chooseClean = (
  points: readonly RecoveryPoint[],
  site: SiteName,
  wanted: { before: string } | { recoveryPoint: string },
): Choice => {
  const proven = points.filter(({ standing }) => standing === 'verified');
  if ('recoveryPoint' in wanted) return choose(proven, site, wanted);
  const { before } = wanted;
  const older = proven.filter((point) => isBefore(point, before));
  const why = `the newest that was proven by a restore and whose data can only be older than ${before}`;
  return { point: choose(older, site, 'latestVerified').point, why };
};

/** A snapshot shows the moment at which it was complete, not that at which it was due. */
const isBefore = ({ copies }: RecoveryPoint, moment: string): boolean =>
  copies.every(({ completedAt }) => Date.parse(completedAt) < Date.parse(moment));

/**
 * A moment of the database, from a log that is in this site. RDS itself refuses one that is older than the backups it keeps.
 * @throws InvalidRequest for a moment that is not over, or where no log is.
 */
export const chooseMoment = (
  at: string,
  { log, identifier, now }: { log: LogSource | undefined; identifier: string; now: number },
): Pick<RestoreRequest, 'moment' | 'why'> & { id: string } => {
  const moment = new Date(at).toISOString();
  requirePast('at', moment, now);
  if (!log)
    throw new InvalidRequest(
      `target.at: no log is in this site: ${identifier} is gone or keeps no backups of its own, and none are replicated to here; name a recovery point`,
    );
  const reach = `the log of ${log.of} could be restored up to ${log.until}`;
  return { moment, id: `moment-${moment.replace(/\D/g, '')}`, why: `the moment that was named; ${reach}` };
};

/** @throws InvalidRequest for a time that is not over: a year mistyped would name all that there is. */
export const requirePast = (field: 'at' | 'before', time: string, now: number): void => {
  if (Date.parse(time) >= now) throw new InvalidRequest(`target.${field}: ${time} is not over yet`);
};
