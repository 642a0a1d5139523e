import { z } from 'zod';
import { hasCopyIn } from '../backup/lateness.ts';
import { InvalidRequest } from '../kit/errors.ts';
import type { SiteName } from '../kit/plan.ts';
import type { RecoveryPoint } from '../kit/recovery-points.ts';

/** What to go back to: the newest, the newest that is proven, the newest before a moment, or one by its identifier. */
export const target = z.union([
  z.literal('latest'),
  z.literal('latestVerified'),
  z.strictObject({ before: z.iso.datetime({ offset: true }) }),
  z.strictObject({ recoveryPoint: z.string().min(1) }),
]);
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
export const choose = (points: readonly RecoveryPoint[], site: SiteName, wanted: Target): Choice => {
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
  const limit = Date.parse(wanted.before);
  const why = `the newest whose data can only be older than ${wanted.before}`;
  // A snapshot shows the moment at which it was complete, not that at which it was due.
  return found(
    usable.find((point) => point.copies.every(({ completedAt }) => Date.parse(completedAt) < limit)),
    why,
  );
};
