import { log } from '../kit/log.ts';
import type { SiteName } from '../kit/plan.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import { OWNER_TAG, type Snapshot } from '../resources/rds-snapshots.ts';
import { backupRun, jobsOf, snapshotsOf } from './jobs.ts';
import { removable } from './retention.ts';

/**
 * Deletes what retention lets go, of the databases of this run. Only what both the ledger and the snapshot's own tags call Lifeboat's is
 * ever touched; what is in the ledger and no longer in RDS was deleted by somebody else, and is told.
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
    for (const { workload, database, policy } of jobsOf(plan, site, request)) {
      const known = await points.list(workload, database);
      // What somebody else deleted can carry no other's weight.
      const present = known.map((point) => ({ ...point, copies: point.copies.filter(({ site: at }) => lists[at].has(point.id)) }));
      for (const { point, copy } of removable(present, policy, now())) {
        const snapshot = lists[copy.site].get(point.id);
        if (snapshot?.arn !== copy.arn || snapshot.tags[OWNER_TAG] !== plan.name || snapshot.tags['lifeboat:database'] !== database)
          continue;
        await snapshots[copy.site].remove(point.id);
        const deletedAt = new Date(now()).toISOString();
        const recorded = known.find(({ id }) => id === point.id)!;
        recorded.copies = recorded.copies.map((each) => (each.arn === copy.arn ? { ...each, deletedAt } : each));
        await points.note(point, { copies: recorded.copies });
        removed.push(`${copy.region} ${point.id}`);
      }
    }
    if (removed.length > 0) log('recovery-points-pruned', { run: request.run, removed });
    return { removed: removed.length };
  },
});
export const handler = pruneRecoveryPoints.handler;
