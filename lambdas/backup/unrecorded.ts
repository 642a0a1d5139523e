import type { Environment, SiteName } from '../kit/plan.ts';
import type { RecoveryPoint, RecoveryPoints } from '../kit/recovery-points.ts';
import type { Snapshot } from '../resources/rds-snapshots.ts';
import type { Job } from './jobs.ts';
import { type Lists, soundCopies } from './sound-copies.ts';

/**
 * Records what earlier runs of this site made of a job's database and left without a record, the whole recovery point or a copy that came
 * late: by the snapshot's own tags. What is in no record nobody would restore, and retention would never let it go.
 */
export const recordLeft = async (
  { id, workload, database, instance }: Job,
  known: readonly RecoveryPoint[],
  { plan, site, lists, points }: { plan: Environment; site: SiteName; lists: Lists; points: RecoveryPoints },
): Promise<string[]> => {
  const recorded: string[] = [];
  for (const snapshot of lists[site].values()) {
    const { tier, dueAt, ...of } = tagsOf(snapshot);
    const isOurs = of.workload === workload && of.database === database && snapshot.instance === instance && snapshot.id !== id;
    if (!isOurs || !tier || !dueAt || Number.isNaN(Date.parse(dueAt))) continue;
    const point = known.find((each) => each.id === snapshot.id);
    const noted = new Set(point?.copies.map(({ arn }) => arn));
    const left = soundCopies(plan, site, lists, snapshot.id).filter(({ arn }) => !noted.has(arn));
    if (left.length === 0) continue;
    const { engine, engineVersion, allocatedGb, takenAt } = snapshot;
    const facts = { takenAt, instance, engine, engineVersion, allocatedGb };
    if (point) await points.note(point, { copies: [...point.copies, ...left] });
    else await points.record({ id: snapshot.id, workload, database, tier, dueAt, ...facts, copies: left });
    recorded.push(snapshot.id);
  }
  return recorded;
};

/** What RDS could not complete: nobody can restore it, it counts against the quota, and its run is over and was told of. */
export const failedOf = ({ id, workload, database }: Job, lists: Lists, now: number): { site: SiteName; id: string }[] =>
  (['primary', 'recovery'] as const).flatMap((site) =>
    [...lists[site].values()].flatMap((snapshot) => {
      const of = tagsOf(snapshot);
      const isOurs = of.workload === workload && of.database === database && snapshot.id !== id;
      const isOver = now - Date.parse(of.dueAt ?? '') > FAILED_KEPT_MS;
      return snapshot.status === 'failed' && isOurs && isOver ? [{ site, id: snapshot.id }] : [];
    }),
  );

/** Long enough for people to look at it. */
const FAILED_KEPT_MS = 7 * 86_400_000;

const tagsOf = ({ tags }: Snapshot): { workload?: string; database?: string; tier?: string; dueAt?: string } => ({
  workload: tags['lifeboat:workload'],
  database: tags['lifeboat:database'],
  tier: tags['lifeboat:tier'],
  dueAt: tags['lifeboat:due-at'],
});
