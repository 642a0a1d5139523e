import { NotReady } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { defineStep } from '../kit/step.ts';
import { HOPELESS, RdsInstances } from '../resources/rds-instances.ts';
import { RdsSnapshots } from '../resources/rds-snapshots.ts';
import { findRestored } from './replacement.ts';
import { beforeName, HOLD_TAG, INCIDENT_TAG, KEEP_UNTIL_TAG, keepUntil, restoredDatabase, restoreRun } from './restoring.ts';

/**
 * A snapshot of what is there, however corrupt, before anything is changed. One that RDS cannot take is no reason to stay down: the old
 * instance itself is kept too. After a compromise it is evidence, and under hold.
 * @throws NotReady until it is complete.
 */
export const snapshotCurrent = defineStep({
  name: 'snapshot-current',
  input: restoreRun,
  throws: [NotReady],
  build: ({ plan, region }) => ({ snapshots: new RdsSnapshots(region, plan.name), instances: new RdsInstances() }),
  run: async (input, services) => {
    const { workload, request } = input;
    const { plan, site, snapshots, instances, now } = services;
    const id = beforeName(plan, request);
    const config = restoredDatabase(plan, workload, request);
    const identifier = config.instances[site];
    if (request.dryRun) return { would: `take the snapshot ${id} of ${identifier}` };
    const none = (because: string) => {
      log('no-snapshot-of-what-was-there', { workload, incident: request.incident, because });
      return { snapshot: null, because };
    };
    const found = (await snapshots.list()).get(id);
    if (found?.status === 'available') return { snapshot: found.arn };
    if (found?.status === 'failed') return none(`${id} has failed`);
    if (found) throw new NotReady(`${id} is ${found.status}`);
    const known = await instances.list();
    const current = known.get(identifier);
    if (!current || findRestored(known, services, input).inPlace) return none(`${identifier} is not there any more`);
    if (HOPELESS.has(current.status)) return none(`${identifier} is ${current.status}`);
    const fate: Record<string, string> =
      request.placement === 'cleanRoom' ? { [HOLD_TAG]: 'evidence' } : { [KEEP_UNTIL_TAG]: keepUntil(config, now()) };
    const answer = await snapshots.take(identifier, id, { [INCIDENT_TAG]: request.incident, 'lifeboat:workload': workload, ...fate });
    if (answer.kind === 'refused') return none(answer.because);
    throw new NotReady(answer.kind === 'wait' ? `${id} waits: ${answer.because}` : `${id} is being taken`);
  },
});
export const handler = snapshotCurrent.handler;
