import { LeaseLost, NotReady } from '../kit/errors.ts';
import { decideTake } from '../kit/lease.ts';
import { defineStep, workloadRun } from '../kit/step.ts';

/**
 * Takes the lease under the next epoch, once the holder has released it or its time plus the clock bound has passed. Nothing is
 * promoted before this has succeeded.
 * @throws NotReady until then, LeaseLost when the claim is gone or another's.
 */
export const takeLease = defineStep({
  name: 'take-lease',
  input: workloadRun,
  throws: [NotReady, LeaseLost],
  build: () => ({}),
  run: async ({ workload, request }, { plan, site, ledger, now }) => {
    const lease = await ledger.lease(workload);
    if (!lease) throw new LeaseLost(`workload '${workload}' has no lease any more`);
    if (request.dryRun) return { would: `take the lease at epoch ${lease.epoch + 1} when it is released or expired`, epoch: lease.epoch };
    const who = { site, incident: request.incident, now: now(), maxClockSkewMs: plan.lease.maxClockSkewSeconds * 1000 };
    switch (decideTake(lease, who)) {
      case 'held':
        return { epoch: lease.epoch };
      case 'lost':
        throw new LeaseLost(`the claim on '${workload}' is no longer ours`);
      case 'wait':
        throw new NotReady(
          `site '${lease.holder}' may write for ${Math.ceil((lease.expiresAt + who.maxClockSkewMs - who.now) / 1000)} s more`,
        );
      case 'take':
        // A try that lost a race, or whose answer was lost, reads the lease again and finds `held` or `lost`.
        if (!(await ledger.take(lease, { ...who, ttlMs: plan.lease.ttlSeconds * 1000 })))
          throw new NotReady('the lease changed at this moment');
        return { epoch: lease.epoch + 1 };
    }
  },
});
export const handler = takeLease.handler;
