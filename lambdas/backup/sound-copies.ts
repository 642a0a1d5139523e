import type { Environment, SiteName } from '../kit/plan.ts';
import type { Copy } from '../kit/recovery-points.ts';
import type { Snapshot } from '../resources/rds-snapshots.ts';

/** Snapshots by identifier, of both sites. */
export type Lists = Record<SiteName, ReadonlyMap<string, Snapshot>>;

const BOTH: readonly SiteName[] = ['primary', 'recovery'];

/**
 * The copies of a snapshot that was taken in `site` which are complete and sound: same engine and size as the source, and in the other site
 * encrypted. None where the source itself is not complete.
 */
export const soundCopies = (plan: Environment, site: SiteName, lists: Lists, id: string): Copy[] => {
  const source = lists[site].get(id);
  if (source?.status !== 'available') return [];
  return BOTH.flatMap((name) => copyIn(plan, name, lists[name].get(id), source, name === site));
};

const copyIn = (plan: Environment, site: SiteName, snapshot: Snapshot | undefined, source: Snapshot, own: boolean): Copy[] => {
  if (snapshot?.status !== 'available' || !snapshot.completedAt) return [];
  const sound = snapshot.engineVersion === source.engineVersion && snapshot.allocatedGb === source.allocatedGb;
  if (!sound || (!own && !snapshot.encrypted)) return [];
  const { arn, completedAt, encrypted, kmsKeyId } = snapshot;
  return [{ site, region: plan.sites[site].region, arn, completedAt, encrypted, kmsKeyId }];
};
