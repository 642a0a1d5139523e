import { LeaseLost, NotReady } from '../kit/errors.ts';
import { defineStep } from '../kit/step.ts';
import { incidentOf } from './replacement.ts';
import { restoreRun } from './restoring.ts';

/**
 * Gives the workload back to the guard of this site. It takes the lease again under a later epoch, which alone opens what was restored.
 * @throws NotReady until it has, LeaseLost when another run has claimed the workload.
 */
export const handOver = defineStep({
  name: 'hand-over',
  input: restoreRun,
  throws: [NotReady, LeaseLost],
  build: () => ({}),
  run: async (input, services) => {
    const { workload, request } = input;
    const { site, ledger, incidents, now } = services;
    if (request.dryRun) return { would: `give '${workload}' back to its guard` };
    const { handedOverAt, closedEpoch = 0 } = await incidentOf(input, services);
    if (!handedOverAt) {
      if (!(await ledger.handBack(workload, request.execution, now())) && (await ledger.lease(workload))?.claim)
        throw new LeaseLost(`the claim on '${workload}' is no longer ours`);
      await incidents.note(request.incident, workload, { handedOverAt: new Date(now()).toISOString() });
    }
    const lease = await ledger.lease(workload);
    if (lease?.holder !== site) throw new LeaseLost(`site '${site}' does not hold the lease of '${workload}' any more`);
    if (lease.released || lease.expiresAt <= now() || lease.epoch <= closedEpoch)
      throw new NotReady(`the guard of site '${site}' has not opened '${workload}' yet`);
    return { epoch: lease.epoch };
  },
});
export const handler = handOver.handler;
