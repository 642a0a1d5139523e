import { LeaseLost, NotReady } from '../kit/errors.ts';
import type { Lease } from '../kit/lease.ts';
import { defineStep } from '../kit/step.ts';
import { changeClaim, HALF_WAY_MS, incidentOf, requireClaim } from './replacement.ts';
import { restoreRun } from './restoring.ts';

/**
 * From here on the run acts, and says so in its claim: the site's own guard ends the workload's writes and lets go of the lease, and opens
 * nothing until it is handed back. A guard that cannot, its database being gone or dead, renews nothing: then the lease's time does it.
 * @throws NotReady until then, LeaseLost when the claim is no longer ours.
 */
export const stopWrites = defineStep({
  name: 'stop-writes',
  input: restoreRun,
  throws: [NotReady, LeaseLost],
  build: () => ({}),
  run: async (input, services) => {
    const { workload, request } = input;
    const { plan, incidents, now } = services;
    if (request.dryRun) return { would: `let the guard end the writes of '${workload}'` };
    const { lease, claim } = await requireClaim(input, services);
    // What is compromised is opened by nobody any more, whatever becomes of this run: only its incident can be gone on with.
    const isolates = request.placement === 'cleanRoom' ? { committed: true, expiresAt: now() + HALF_WAY_MS } : {};
    if (!claim.acting) await changeClaim(lease, { ...claim, acting: true, ...isolates }, services);
    const stoppedAt = stoppedSince(lease, now(), plan.lease.maxClockSkewSeconds * 1000);
    if (stoppedAt === undefined) throw new NotReady(`the guard of site '${lease.holder}' has not let go yet`);
    const before = await incidentOf(input, services);
    const writesStoppedAt = before.writesStoppedAt ?? new Date(stoppedAt).toISOString();
    await incidents.note(request.incident, workload, { writesStoppedAt, outageBeganAt: request.detectedAt ?? writesStoppedAt });
    return { writesStoppedAt };
  },
});
export const handler = stopWrites.handler;

const stoppedSince = ({ released, fence, epoch, expiresAt }: Lease, now: number, skewMs: number): number | undefined => {
  if (released && fence?.epoch === epoch) return fence.at;
  return expiresAt + skewMs < now ? expiresAt : undefined;
};
