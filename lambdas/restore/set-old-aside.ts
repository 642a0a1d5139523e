import { LeaseLost, NotReady } from '../kit/errors.ts';
import type { Claim, Lease } from '../kit/lease.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { OWNER_TAG } from '../resources/rds-snapshots.ts';
import { changeClaim, findRestored, HALF_WAY_MS, incidentOf, requireClaim } from './replacement.ts';
import {
  HOLD_TAG,
  INCIDENT_TAG,
  KEEP_UNTIL_TAG,
  keepUntil,
  type RestoreRun,
  replacedName,
  restoredDatabase,
  restoreRun,
} from './restoring.ts';

/**
 * The point of no return: written into the claim and the incident, then the old instance gets another name. It stays fenced, with the day
 * in its tags until which it is kept. After a compromise it is held until a person says otherwise.
 * @throws NotReady until it has its name, LeaseLost when the workload is no longer ours.
 */
export const setOldAside = defineStep({
  name: 'set-old-aside',
  input: restoreRun,
  throws: [NotReady, LeaseLost],
  build: () => ({ instances: new RdsInstances() }),
  run: async (input, services) => {
    const { workload, request } = input;
    const { plan, site, instances, now } = services;
    const config = restoredDatabase(plan, workload, request);
    const identifier = config.instances[site];
    const aside = replacedName(identifier, request);
    if (request.dryRun) return { would: `rename ${identifier} to ${aside}` };
    const { lease, claim } = await requireClaim(input, services);
    const { closedEpoch } = await incidentOf(input, services);
    if (closedEpoch !== lease.epoch)
      throw new LeaseLost(`what was restored is closed under epoch ${closedEpoch}, the lease is at ${lease.epoch}`);
    const known = await instances.list();
    const { restored, inPlace } = findRestored(known, services, input);
    if (restored?.status !== 'available' && !inPlace) throw new NotReady(`the restored instance is ${restored?.status ?? 'not listed'}`);
    await commit(input, lease, claim, services);
    const old = known.get(aside);
    const fate: Record<string, string> =
      request.placement === 'cleanRoom' ? { [HOLD_TAG]: 'evidence' } : { [KEEP_UNTIL_TAG]: keepUntil(config, now()) };
    if (old) {
      const tags = { [OWNER_TAG]: plan.name, [INCIDENT_TAG]: request.incident, ...fate };
      if (!(KEEP_UNTIL_TAG in old.tags) && !(HOLD_TAG in old.tags)) await instances.tag(old.arn, tags);
      if (inPlace || !known.has(identifier)) return { kept: aside };
    }
    if (inPlace) return { kept: null };
    if (known.has(identifier)) await instances.modify(identifier, { NewDBInstanceIdentifier: aside });
    else if (!(await incidentOf(input, services)).before.found) return { kept: null };
    throw new NotReady(`${identifier} is being renamed to ${aside}`);
  },
});
export const handler = setOldAside.handler;

/** Before the rename: a run that is killed in between is then known to stand half-way, though it may not. */
const commit = async ({ workload, request }: RestoreRun, lease: Lease, claim: Claim, services: Base): Promise<void> => {
  const { incidents, now } = services;
  if (!claim.committed) await changeClaim(lease, { ...claim, committed: true, expiresAt: now() + HALF_WAY_MS }, services);
  if ((await incidentOf({ workload, request }, services)).committedAt) return;
  await incidents.note(request.incident, workload, { committedAt: new Date(now()).toISOString() });
};
