import { CopyUnusable } from '../kit/errors.ts';
import type { RecoveryPoint } from '../kit/recovery-points.ts';
import type { Snapshot } from './rds-snapshots.ts';

/** AWS does not say that the time is the same to the millisecond in each copy. */
const SAME_WITHIN_MS = 1_000;

/**
 * A name and tags are whoever's who may make snapshots: what was proven is the one that was taken at that moment. Copies keep it, those
 * from the vault too.
 * @throws CopyUnusable when another one has the recovery point's name.
 */
export const requireSame = (snapshot: Snapshot | undefined, point: Pick<RecoveryPoint, 'id' | 'takenAt'> | undefined): void => {
  if (!snapshot?.takenAt || !point?.takenAt || Math.abs(Date.parse(snapshot.takenAt) - Date.parse(point.takenAt)) < SAME_WITHIN_MS) return;
  throw new CopyUnusable(
    `the snapshot ${point.id} was taken at ${snapshot.takenAt}, the recovery point at ${point.takenAt}: it is another one`,
  );
};
