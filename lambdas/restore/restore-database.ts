import { CopyUnusable, NotReady } from '../kit/errors.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import { RdsAutomatedBackups } from '../resources/rds-automated-backups.ts';
import { HOPELESS, type MomentSource, RdsInstances } from '../resources/rds-instances.ts';
import { OWNER_TAG, RdsSnapshots } from '../resources/rds-snapshots.ts';
import { requireSame } from '../resources/same-snapshot.ts';
import { REQUESTED_TAG } from '../verification/copies.ts';
import { settingsUntilPlaced } from './clean-room.ts';
import { type LogSource, logSourceOf } from './log-source.ts';
import { findRestored, RUN_TAG, remembered } from './replacement.ts';
import { cleanName, restoredDatabase, restoredName, restoreRun } from './restoring.ts';

/**
 * Restores beside what is there, under a name of its own: with the settings of this site's own instance, which a restore would lose
 * otherwise. Where nobody knows these any more RDS's defaults are taken, and the comparison says so.
 * @throws NotReady until RDS calls it available, CopyUnusable when RDS says that it never will be, or another snapshot has the name.
 */
export const restoreDatabase = defineStep({
  name: 'restore-database',
  input: restoreRun,
  throws: [NotReady, CopyUnusable],
  build: ({ plan, region }) => ({
    instances: new RdsInstances(),
    snapshots: new RdsSnapshots(region, plan.name) as Pick<RdsSnapshots, 'list'>,
    backups: new RdsAutomatedBackups() as Pick<RdsAutomatedBackups, 'list'>,
  }),
  run: async (input, services) => {
    const { workload, request } = input;
    const { plan, site, ledger, incidents, instances, snapshots, backups, now } = services;
    const id = restoredName(plan, request);
    const config = restoredDatabase(plan, workload, request);
    if (request.dryRun) return { would: `restore ${request.point.id} as ${id}, beside ${config.instances[site]}` };
    const known = await instances.list();
    const { restored } = findRestored(known, services, input);
    if (restored?.status === 'available') return { instance: restored.id };
    if (restored && HOPELESS.has(restored.status))
      throw new CopyUnusable(`${id}, restored from ${request.point.id}, is ${restored.status}`);
    if (restored) throw new NotReady(`${restored.id} is ${restored.status}`);
    // Between two names it may be listed under neither.
    const incident = await incidents.find(request.incident, workload);
    if (incident && 'committedAt' in incident) throw new NotReady(`${id} is not listed at this moment`);
    const tags = {
      [OWNER_TAG]: plan.name,
      'lifeboat:recovery-point': request.point.id,
      [RUN_TAG]: request.incident,
      [REQUESTED_TAG]: new Date(now()).toISOString(),
    };
    const { settings: wanted } = await remembered(input, services, known);
    const settings = settingsUntilPlaced(wanted, request, plan, site);
    const snapshotId = request.placement === 'cleanRoom' ? cleanName(plan, request) : request.point.id;
    const { moment } = request;
    if (moment === null) {
      requireSame((await snapshots.list()).get(request.point.id), await new RecoveryPoints(ledger).find(request.point));
      await instances.restoreLike(settings, { id, snapshotId, tags });
    } else {
      const brought = config.backup?.replicatedAutomatedBackups ? await backups.list() : [];
      const log = logSourceOf(known, brought, { plan, site, instances: config.instances });
      await instances.restoreToMoment(settings, { id, source: requireReach(log, moment), moment, tags });
    }
    throw new NotReady(`${id} is being restored`);
  },
});
export const handler = restoreDatabase.handler;

/** RDS writes its log away every few minutes: a moment just past can be restored a little later. */
const requireReach = (log: LogSource | undefined, moment: string): MomentSource => {
  if (log && log.until >= moment) return log.source;
  throw new NotReady(`the log can be restored up to ${log?.until ?? 'nothing'}, not ${moment} yet`);
};
