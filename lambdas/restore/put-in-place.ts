import { LeaseLost, NotReady } from '../kit/errors.ts';
import { defineStep } from '../kit/step.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { differences } from '../resources/rds-settings.ts';
import { withReasons } from './clean-room.ts';
import { findRestored, incidentOf, requireClaim } from './replacement.ts';
import { restoredDatabase, restoreRun } from './restoring.ts';

/**
 * Gives the restored instance the identifier of the old one, and with it the endpoint that clients know. Its settings are compared once
 * more where it stands now.
 * @throws NotReady until it stands there, LeaseLost when the workload is no longer ours.
 */
export const putInPlace = defineStep({
  name: 'put-in-place',
  input: restoreRun,
  throws: [NotReady, LeaseLost],
  build: () => ({ instances: new RdsInstances() }),
  run: async (input, services) => {
    const { workload, request } = input;
    const { plan, site, instances } = services;
    const identifier = restoredDatabase(plan, workload, request).instances[site];
    if (request.dryRun) return { would: `rename the restored instance to ${identifier}`, settings: [] };
    await requireClaim(input, services);
    const known = await instances.list();
    const { restored, inPlace } = findRestored(known, services, input);
    if (!restored) throw new NotReady('the restored instance is not listed at this moment');
    if (restored.status !== 'available') throw new NotReady(`${restored.id} is ${restored.status}`);
    if (inPlace && restored.host) {
      const { before } = await incidentOf(input, services);
      return {
        endpoint: restored.host,
        sameEndpoint: before.host === restored.host,
        settings: withReasons(differences(before.settings, restored.settings), request),
      };
    }
    if (!inPlace && !known.has(identifier)) await instances.modify(restored.id, { NewDBInstanceIdentifier: identifier });
    throw new NotReady(`${restored.id} is being renamed to ${identifier}`);
  },
});
export const handler = putInPlace.handler;
