import { log } from '../kit/log.ts';
import type { SiteName } from '../kit/plan.ts';
import { type RecoveryPoint, RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import { OWNER_TAG, type Snapshot } from '../resources/rds-snapshots.ts';
import { backupRun, inParallel, type Job, jobsOf, snapshotsOf } from './jobs.ts';
import { isHeld, type Removal, removable } from './retention.ts';
import { failedOf, recordLeft } from './unrecorded.ts';

const AT_ONCE = 8;

/**
 * Deletes what retention lets go, of the databases of this run. Only what both the ledger and the snapshot's own tags call Lifeboat's is
 * ever touched. That a copy goes is written before it goes: the ledger never counts on one that is not there, and what a run did not get to
 * the next one deletes. What runs left without a record gets one here first; what RDS could not complete goes a week after it was due.
 */
export const pruneRecoveryPoints = defineStep({
  name: 'prune-recovery-points',
  input: backupRun,
  throws: [],
  build: ({ plan, ledger }) => ({ snapshots: snapshotsOf(plan), points: new RecoveryPoints(ledger) }),
  run: async ({ request }, { plan, site, snapshots, points, now }) => {
    const lists: Record<SiteName, Map<string, Snapshot>> = {
      primary: await snapshots.primary.list(),
      recovery: await snapshots.recovery.list(),
    };
    const removed: string[] = [];
    const recorded: string[] = [];
    const prune = async (job: Job): Promise<void> => {
      const { workload, database, policy } = job;
      const known = await points.list(workload, database);
      recorded.push(...(await recordLeft(job, known, { plan, site, lists, points })));
      for (const past of known.filter((point) => isPast(point, lists, now()))) await points.fileAway(past);
      // What somebody else deleted can carry no other's weight.
      const present = known.map((point) => ({ ...point, copies: point.copies.filter(({ site: at }) => lists[at].has(point.id)) }));
      for (const { point, copy } of [...begun(present, now()), ...removable(present, policy, now())]) {
        const snapshot = lists[copy.site].get(point.id);
        if (snapshot?.arn !== copy.arn || snapshot.tags[OWNER_TAG] !== plan.name || snapshot.tags['lifeboat:database'] !== database)
          continue;
        if (!copy.deletedAt) {
          const deletedAt = new Date(now()).toISOString();
          const whole = known.find(({ id }) => id === point.id)!;
          const copies = whole.copies.map((each) => (each.arn === copy.arn ? { ...each, deletedAt } : each));
          await points.note(point, { copies });
          whole.copies = copies;
        }
        await snapshots[copy.site].remove(point.id);
        removed.push(`${copy.region} ${point.id}`);
      }
      for (const failed of failedOf(job, lists, now())) {
        await snapshots[failed.site].remove(failed.id);
        removed.push(`${plan.sites[failed.site].region} ${failed.id}`);
      }
    };
    await inParallel(jobsOf(plan, site, request), prune, AT_ONCE);
    if (recorded.length > 0) log('recovery-points-found', { run: request.run, recorded });
    if (removed.length > 0) log('recovery-points-pruned', { run: request.run, removed });
    return { removed: removed.length };
  },
});
export const handler = pruneRecoveryPoints.handler;

/** Over the week that a size is compared with, and a month that a person looks back. */
const FILED_AWAY_AFTER_DAYS = 35;
const DAY_MS = 86_400_000;

/** Retention has deleted all of it, some time ago: nothing of it can be restored, and a list of what can would only grow by it. */
const isPast = ({ id, dueAt, copies, vault }: RecoveryPoint, lists: Record<SiteName, Map<string, Snapshot>>, now: number): boolean =>
  now - Date.parse(dueAt) > FILED_AWAY_AFTER_DAYS * DAY_MS &&
  !vault &&
  copies.every(({ deletedAt }) => deletedAt) &&
  !lists.primary.has(id) &&
  !lists.recovery.has(id);

/** What a run before was to delete, is still there, and was not put under hold since. */
const begun = (present: readonly RecoveryPoint[], now: number): Removal[] =>
  present
    .filter((point) => !isHeld(point, now))
    .flatMap((point) => point.copies.filter(({ deletedAt }) => deletedAt).map((copy) => ({ point, copy })));
