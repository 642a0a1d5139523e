import { LeaseLost } from '../kit/errors.ts';
import { defineStep, workloadRun } from '../kit/step.ts';

/**
 * Moves traffic: writes `serving` into the lease, from which the recovery site's beacon answers Route 53's checkers. No call to Route 53.
 * @throws LeaseLost when this site does not hold the lease.
 */
export const shiftTraffic = defineStep({
  name: 'shift-traffic',
  input: workloadRun,
  throws: [LeaseLost],
  build: () => ({}),
  run: async ({ workload, request }, { site, ledger, now }) => {
    const lease = await ledger.lease(workload);
    if (request.dryRun) return { would: `serve '${workload}' from site '${site}' (now '${lease?.serving}')` };
    if (!lease || lease.holder !== site) throw new LeaseLost(`site '${site}' does not hold the lease of '${workload}'`);
    if (lease.serving !== site && !(await ledger.serve(lease, site)))
      throw new LeaseLost(`the lease of '${workload}' changed at this moment`);
    return { serving: site, at: new Date(now()).toISOString() };
  },
});
export const handler = shiftTraffic.handler;
