import { LeaseLost, NotReady } from '../kit/errors.ts';
import { type Fence, type FenceState, Fences } from '../kit/fences.ts';
import type { Incident } from '../kit/incidents.ts';
import { claimIsLive, type FenceProof, type Lease } from '../kit/lease.ts';
import type { Item } from '../kit/ledger.ts';
import { otherSite, type SiteName, workloadOf } from '../kit/plan.ts';
import { type Base, defineStep, type RunRequest, workloadRun } from '../kit/step.ts';
import { type DatabaseAdapter, databasesOf } from '../resources/database.ts';

export type FenceOutcome = 'fenced' | 'unreachable';

/**
 * From here on the run acts, and says so in its claim. The old writer is fenced by its own guard, which sees that; nothing here calls
 * its region. Switchover: waits until it has let go and the standby has replayed its last word, so that no write is lost; one that nobody
 * knows is never taken for replayed. Failover: reports what the guard could do by now; `unreachable` is written down as a pending fence,
 * which the old site's reconciler settles when it can, and the lease's expiry does the waiting.
 * @throws NotReady (switchover) until then, LeaseLost when the claim is no longer ours.
 */
export const fenceWriter = defineStep({
  name: 'fence-writer',
  input: workloadRun,
  throws: [NotReady, LeaseLost],
  build: ({ plan, now, sleep, site }) => ({
    databasesFor: (name: string) => databasesOf(workloadOf(plan, name), { plan, now, sleep }, site),
  }),
  run: async (
    { workload: name, request },
    { plan, site, ledger, incidents, databasesFor, now },
  ): Promise<{ outcome: FenceOutcome | 'dry-run'; would?: string; writesStoppedAt?: string }> => {
    if (request.dryRun) return { outcome: 'dry-run', would: 'wait until the holder has released its lease' };
    const lease = await ledger.lease(name);
    if (!lease || !claimIsLive(lease, now()) || lease.claim?.incident !== request.incident)
      throw new LeaseLost(`the claim on '${name}' is no longer ours`);
    if (!lease.claim.acting && !(await ledger.claim(lease, { ...lease.claim, acting: true }, now())))
      throw new NotReady('the lease changed at this moment');
    const fence = fenceOfThisMove(lease, site);
    if (request.mode === 'switchover' && !fence) throw new NotReady(`site '${lease.holder}' has not let go yet`);
    if (request.mode === 'switchover') await requireReplayed(lease, site, databasesFor(name));
    const outcome: FenceOutcome = fence ? 'fenced' : 'unreachable';
    const writesStoppedAt = fence && new Date(fence.at).toISOString();
    await incidents.note(request.incident, name, {
      fence: outcome,
      fenceProof: fence?.proof,
      writesStoppedAt,
      ...(request.mode === 'switchover' ? { outageBeganAt: writesStoppedAt } : {}),
    });
    // Before the take: from then on every site knows what is still to be fenced. After the note, which who settles it writes over.
    const settled = fence ? undefined : settledBefore(await demandFences(lease, request, { plan, ledger, site, now }));
    if (settled) await incidents.note(request.incident, name, settled);
    return { outcome, writesStoppedAt };
  },
});
export const handler = fenceWriter.handler;

/** A fence for each database of the site that is left, pending for this run unless it is settled. */
const demandFences = (
  { workload, holder, epoch }: Lease,
  { incident, execution }: RunRequest,
  { plan, ledger, site, now }: Pick<Base, 'plan' | 'ledger' | 'site' | 'now'>,
): Promise<Fence[]> => {
  const fences = new Fences(ledger);
  const old = { workload, site: otherSite(site), epoch: holder === site ? epoch - 1 : epoch, incident, execution };
  const since = new Date(now()).toISOString();
  return Promise.all(
    workloadOf(plan, workload).databases.map(({ name }) => fences.demand({ ...old, database: name, state: 'pending', since })),
  );
};

/** What a run before this one asked for, at the same epoch, and is settled already: nobody settles it for this one. */
const settledBefore = (fences: Fence[]): (Partial<Incident> & Item) | undefined => {
  const is = (...states: FenceState[]) => fences.length > 0 && fences.every(({ state }) => states.includes(state));
  if (!is('fenced')) return is('fenced', 'overridden') ? { fence: 'overridden' } : undefined;
  const fenceProof = Object.fromEntries(fences.map(({ database, proof }) => [database, proof]));
  return {
    fence: 'fenced',
    fencedAt: fences
      .map(({ settledAt = '' }) => settledAt)
      .sort()
      .at(-1),
    fenceProof,
  };
};

/** The proof of the epoch that this run replaces; one of an earlier move proves nothing now. */
const fenceOfThisMove = ({ holder, epoch, fence, released }: Lease, site: SiteName): FenceProof | undefined => {
  const replaced = holder === site ? epoch - 1 : epoch;
  return fence?.epoch === replaced && (released || holder === site) ? fence : undefined;
};

const requireReplayed = async ({ fence, holder }: Lease, site: SiteName, databases: readonly DatabaseAdapter[]): Promise<void> => {
  const readings = await Promise.all(
    databases.map(async (database) => {
      const { inRecovery } = await database.standby();
      // Promoted by an earlier try of this run, or a writer of an older epoch, which has replayed nothing.
      if (!inRecovery) return holder === site;
      return database.hasReplayed(lastWordOf(database.name, fence!));
    }),
  );
  if (readings.includes(false)) throw new NotReady('the standby has not replayed the last writes yet');
};

/** Of a writer that was fenced by network nobody knows it, until SQL reaches that again: its guard asks each round, and notes what it reads. */
const lastWordOf = (database: string, { finalLsn }: FenceProof): string => {
  const known = finalLsn[database];
  if (known) return known;
  throw new NotReady(`nobody knows the last log position of '${database}': no move without loss; a failover goes on without it`);
};
