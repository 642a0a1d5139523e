import { foreignCalls } from '../kit/clients.ts';
import { LeaseLost, messageOf, NotReady } from '../kit/errors.ts';
import type { Claim, Lease } from '../kit/lease.ts';
import { log } from '../kit/log.ts';
import { otherSite } from '../kit/plan.ts';
import { Pledges } from '../kit/pledges.ts';
import { Standings } from '../kit/standing.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { changeClaim, HALF_WAY_MS, incidentOf, requireClaim } from './replacement.ts';
import { restoreRun } from './restoring.ts';

interface Services {
  /** This site's: how far its guard went on without the ledger, as it wrote down itself. */
  standings: Pick<Standings, 'last'>;
  /** The other site's: what it promised that guard. */
  pledges: Pick<Pledges, 'suspend'>;
}

/** In the incident. ISO 8601 UTC. */
export interface WroteOn {
  /** The last moment at which the workload may have been written without the ledger's word. */
  wroteOnUntil?: string;
}

/**
 * From here on the run acts, and says so in its claim: the site's own guard ends the workload's writes and lets go of the lease, and opens
 * nothing until it is handed back. A guard that cannot, its database being gone or dead, renews nothing: then the lease's time does it, and
 * that of the pledge by which it may write on while the ledger is silent to it alone.
 * @throws NotReady until then, LeaseLost when the claim is no longer ours.
 */
export const stopWrites = defineStep({
  name: 'stop-writes',
  input: restoreRun,
  throws: [NotReady, LeaseLost],
  build: ({ plan, site }): Services => ({
    standings: new Standings(),
    pledges: new Pledges(plan.sites[otherSite(site)].region, { limits: foreignCalls }),
  }),
  run: async (input, services) => {
    const { workload, request } = input;
    const { incidents, now } = services;
    if (request.dryRun) return { would: `let the guard end the writes of '${workload}'` };
    const { lease, claim } = await requireClaim(input, services);
    // What is compromised is opened by nobody any more, whatever becomes of this run: only its incident can be gone on with.
    const isolates = request.placement === 'cleanRoom' ? { committed: true, expiresAt: now() + HALF_WAY_MS } : {};
    const acting = { ...claim, acting: true, ...isolates };
    if (!claim.acting) await changeClaim(lease, acting, services);
    const { stoppedAt, wroteOnUntil } = await endOfWrites(lease, acting, services);
    const before = await incidentOf(input, services);
    const writesStoppedAt = before.writesStoppedAt ?? iso(stoppedAt);
    const times = { writesStoppedAt, outageBeganAt: request.detectedAt ?? writesStoppedAt };
    await incidents.note(request.incident, workload, { ...times, ...(wroteOnUntil > 0 ? { wroteOnUntil: iso(wroteOnUntil) } : {}) });
    return { writesStoppedAt };
  },
});
export const handler = stopWrites.handler;

const iso = (at: number): string => new Date(at).toISOString();

/** `wroteOnUntil` is 0 where the ledger was never silent to the guard. @throws NotReady while the workload may be written. */
const endOfWrites = async (lease: Lease, claim: Claim, services: Base & Services): Promise<{ stoppedAt: number; wroteOnUntil: number }> => {
  const { workload, holder, released, fence, epoch, expiresAt } = lease;
  const { plan, standings, now } = services;
  const standingUntil = (await standings.last(workload))?.until ?? 0;
  if (released && fence?.epoch === epoch) return { stoppedAt: fence.at, wroteOnUntil: Math.min(standingUntil, fence.at) };
  const hasPassed = (until: number) => until + plan.lease.maxClockSkewSeconds * 1000 < now();
  if (!hasPassed(expiresAt)) throw new NotReady(`the guard of site '${holder}' has not let go yet`);
  const wroteOnUntil = Math.max(standingUntil, await endPledges(workload, claim, services));
  if (!hasPassed(wroteOnUntil)) throw new NotReady(`the guard of site '${holder}' may write without the ledger until ${iso(wroteOnUntil)}`);
  return { stoppedAt: Math.max(expiresAt, wroteOnUntil), wroteOnUntil };
};

/**
 * The lease's time is over: no new pledge as long as this run may work, and until when is the last one? Where the other site cannot be
 * asked the guard gets none from it either, and what this site wrote down stands.
 */
const endPledges = async (workload: string, { expiresAt }: Claim, { plan, pledges }: Base & Services): Promise<number> => {
  if (!plan.lease.failsafe) return 0;
  try {
    return (await pledges.suspend(workload, expiresAt)).until ?? 0;
  } catch (error) {
    log('pledges-not-suspended', { workload, error: messageOf(error) });
    return 0;
  }
};
