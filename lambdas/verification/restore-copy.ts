import { CopyUnusable, DatabaseUnrecoverable, NotReady } from '../kit/errors.ts';
import type { Environment, SiteName } from '../kit/plan.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import { HOPELESS, RdsInstances } from '../resources/rds-instances.ts';
import { OWNER_TAG, RdsSnapshots } from '../resources/rds-snapshots.ts';
import { requireSame } from '../resources/same-snapshot.ts';
import { copyName, copyRun, EXPIRES_TAG, expiryOf, type PointReference, protectedDatabase, REQUESTED_TAG } from './copies.ts';

/**
 * Restores the recovery point's copy in this site into the isolated network, under a name that says what it is and a tag that says until
 * when it may be there.
 * @throws NotReady until it can be read, CopyUnusable when RDS says that it never will be, or another snapshot has the recovery point's name,
 * DatabaseUnrecoverable when it is the room, the network, the key or the groups of this site that stand in the way: that is no word on the
 * recovery point.
 */
export const restoreCopy = defineStep({
  name: 'restore-copy',
  input: copyRun,
  throws: [NotReady, CopyUnusable, DatabaseUnrecoverable],
  build: ({ plan, region }) => ({
    instances: new RdsInstances(),
    snapshots: new RdsSnapshots(region, plan.name) as Pick<RdsSnapshots, 'list'>,
  }),
  run: async ({ run, point }, { plan, site, ledger, instances, snapshots, now }) => {
    const id = copyName(plan, run, point);
    const instance = (await instances.list()).get(id);
    if (instance && READABLE.has(instance.status)) return { instance: id };
    if (instance && OF_THE_POINT.has(instance.status)) throw new CopyUnusable(`${id}, restored from ${point.id}, is ${instance.status}`);
    if (instance && HOPELESS.has(instance.status)) throw new DatabaseUnrecoverable(`${id} is ${instance.status}`);
    if (instance) throw new NotReady(`${id} is ${instance.status}`);
    const { policy } = protectedDatabase(plan, point);
    const { dbSubnetGroup, dbSecurityGroupIds } = isolationOf(plan, site);
    requireSame((await snapshots.list()).get(point.id), await new RecoveryPoints(ledger).find(point));
    await instances.restore({
      id,
      snapshotId: point.id,
      dbSubnetGroup,
      securityGroupIds: dbSecurityGroupIds,
      instanceClass: isFull(point) ? undefined : policy.verification.instanceClass,
      tags: {
        [OWNER_TAG]: plan.name,
        'lifeboat:recovery-point': point.id,
        'lifeboat:run': run,
        [REQUESTED_TAG]: new Date(now()).toISOString(),
        [EXPIRES_TAG]: expiryOf(policy, now()),
      },
    });
    throw new NotReady(`${id} is being restored`);
  },
});
export const handler = restoreCopy.handler;

/** Of the statuses from which no waiting helps those that say something of what was restored. */
const OF_THE_POINT = new Set(['failed', 'incompatible-restore', 'restore-error']);

/** While RDS backs an instance up it answers queries. */
const READABLE = new Set(['available', 'backing-up']);

/** Weekly and monthly the real thing is rehearsed: on an instance of the size that the snapshot was taken of. */
const isFull = ({ proof }: PointReference): boolean => proof === 'weekly' || proof === 'monthly';

/** The environment is refused at synth when a policy has no isolation. */
const isolationOf = (plan: Environment, site: SiteName) => plan.sites[site].isolation!;
