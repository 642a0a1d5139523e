import { log } from '../kit/log.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { ownTags } from '../resources/rds-settings.ts';
import { backupRun, inParallel, type Job, jobsOf, snapshotsOf } from './jobs.ts';
import { Manifests } from './manifests.ts';
import { soundCopies } from './sound-copies.ts';

/**
 * Writes each recovery point into the ledger, with the copies that are complete and sound. A copy that is not is not recorded, and so nothing
 * will ever count on it; nor is a snapshot that has the name and is of another instance, which a restore would put in this one's place.
 */
export const recordRecoveryPoints = defineStep({
  name: 'record-recovery-points',
  input: backupRun,
  throws: [],
  build: ({ plan, ledger }) => ({
    snapshots: snapshotsOf(plan),
    points: new RecoveryPoints(ledger),
    manifests: new Manifests(ledger),
    instances: new RdsInstances(),
  }),
  run: async ({ request }, { plan, site, snapshots, points, manifests, instances }) => {
    const [primary, recovery, known] = await Promise.all([snapshots.primary.list(), snapshots.recovery.list(), instances.list()]);
    const lists = { primary, recovery };
    const foreign: string[] = [];
    const record = async ({ id, workload, database, tier, dueAt, instance }: Job): Promise<boolean> => {
      const source = lists[site].get(id);
      if (source?.status !== 'available') return false;
      if (source.instance !== instance) {
        foreign.push(`${id} is a snapshot of ${source.instance}, not of ${instance}`);
        return false;
      }
      const copies = soundCopies(plan, site, lists, id);
      const contents = await manifests.find(id);
      const { engine, engineVersion, allocatedGb, takenAt } = source;
      const facts = {
        takenAt,
        instance,
        engine,
        engineVersion,
        allocatedGb,
        reachesTo: contents?.heartbeatAt,
        sizeBytes: contents?.sizeBytes,
      };
      const { settings, tags } = known.get(instance) ?? {};
      await points.record({ id, workload, database, tier, dueAt, ...facts, settings, instanceTags: tags && ownTags(tags), copies });
      return true;
    };
    const recorded = await inParallel(jobsOf(plan, site, request), record);
    if (foreign.length > 0) log('snapshots-of-others', { run: request.run, foreign });
    return { recorded: recorded.filter(Boolean).length };
  },
});
export const handler = recordRecoveryPoints.handler;
