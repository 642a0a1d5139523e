import { CopyUnusable, NotReady } from '../kit/errors.ts';
import { defineStep } from '../kit/step.ts';
import { HOPELESS, RdsInstances } from '../resources/rds-instances.ts';
import { OWNER_TAG } from '../resources/rds-snapshots.ts';
import { protectedDatabase, REQUESTED_TAG } from '../verification/copies.ts';
import { restoredName, restoreRun } from './restoring.ts';

/**
 * Restores beside what is there: a new instance with the settings of this site's own one, which a restore would lose otherwise. Where this
 * site has none any more RDS's defaults are taken, and the comparison says so.
 * @throws NotReady until RDS calls it available, CopyUnusable when RDS says that it never will be.
 */
export const restoreDatabase = defineStep({
  name: 'restore-database',
  input: restoreRun,
  throws: [NotReady, CopyUnusable],
  build: () => ({ instances: new RdsInstances() }),
  run: async ({ workload, request }, { plan, site, instances, now }) => {
    const id = restoredName(plan, request);
    const { config } = protectedDatabase(plan, { workload, database: request.database });
    if (request.dryRun) return { would: `restore ${request.point.id} as ${id}, beside ${config.instances[site]}` };
    const known = await instances.list();
    const instance = known.get(id);
    if (instance?.status === 'available') return { instance: id };
    if (instance && HOPELESS.has(instance.status))
      throw new CopyUnusable(`${id}, restored from ${request.point.id}, is ${instance.status}`);
    if (instance) throw new NotReady(`${id} is ${instance.status}`);
    const tags = {
      [OWNER_TAG]: plan.name,
      'lifeboat:recovery-point': request.point.id,
      'lifeboat:run': request.incident,
      [REQUESTED_TAG]: new Date(now()).toISOString(),
    };
    await instances.restoreLike(known.get(config.instances[site])?.settings, { id, snapshotId: request.point.id, tags });
    throw new NotReady(`${id} is being restored`);
  },
});
export const handler = restoreDatabase.handler;
