import { NotReady } from '../kit/errors.ts';
import { defineStep } from '../kit/step.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { changeTo } from '../resources/rds-settings.ts';
import { SecretStore } from '../resources/secret-store.ts';
import { findRestored, incidentOf, requireClaim } from './replacement.ts';
import { cleanName, restoredDatabase, restoreRun } from './restoring.ts';

/**
 * A person has approved: the clean database moves into the workload's network, and both sites' secrets get its login, so that the guards
 * reach it, and no longer what was compromised.
 * @throws NotReady until it stands there.
 */
export const admitClean = defineStep({
  name: 'admit-clean',
  input: restoreRun,
  throws: [NotReady],
  build: ({ plan, region }) => ({
    instances: new RdsInstances(),
    own: new SecretStore(region),
    both: [plan.sites.primary.region, plan.sites.recovery.region].map((each) => new SecretStore(each)),
  }),
  run: async (input, services) => {
    const { workload, request } = input;
    const { plan, instances, own, both } = services;
    if (request.dryRun) return { would: "move it into the workload's network, and replace the login in both sites' secrets" };
    await requireClaim(input, services);
    const { restored } = findRestored(await instances.list(), services, input);
    if (restored?.status !== 'available') throw new NotReady(`the clean instance is ${restored?.status ?? 'not listed'}`);
    const { before } = await incidentOf(input, services);
    const change = before.settings && changeTo(before.settings, restored.settings);
    if (change) {
      await instances.modify(restored.id, change);
      throw new NotReady(`${restored.id}: ${Object.keys(change).join(', ')} are being changed`);
    }
    const login = await own.read(cleanName(plan, request));
    const { secret } = restoredDatabase(plan, workload, request);
    for (const store of both) await store.replace(secret, login);
    return { admitted: restored.id };
  },
});
export const handler = admitClean.handler;
