import { type Fence, Fences } from '../kit/fences.ts';
import { claimIsLive, type Lease } from '../kit/lease.ts';
import { log } from '../kit/log.ts';
import type { Tell } from '../kit/notify.ts';
import type { Base } from '../kit/step.ts';
import type { DatabaseAdapter } from '../resources/database.ts';

type Services = Pick<Base, 'site' | 'ledger' | 'incidents' | 'now'> & { databasesFor: (name: string) => DatabaseAdapter[]; tell: Tell };

/**
 * Does what a move has asked for at this site while nobody here could be reached: before anything else, and again until it is proven. A
 * fence that people gave up waiting for is done all the same when its region returns. Returns how many are pending at the other site.
 * @throws the first failure, after all were tried.
 */
export const settleFences = async (lease: Lease, services: Services): Promise<number> => {
  const { site, ledger, incidents } = services;
  const fences = await new Fences(ledger).all(lease.workload);
  const open = fences.filter((fence) => fence.site === site && (fence.state === 'pending' || fence.state === 'overridden'));
  const results = await Promise.allSettled(open.map((fence) => settle(fence, lease, services)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  const settled = results.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));
  for (const incident of new Set(settled.map((fence) => fence.incident))) {
    const own = settled.filter((fence) => fence.incident === incident);
    const fenceProof = Object.fromEntries(own.map(({ database, proof }) => [database, proof]));
    await incidents.note(incident, lease.workload, { fence: 'fenced', fencedAt: own[0]!.settledAt, fenceProof });
  }
  return fences.filter((fence) => fence.site !== site && fence.state === 'pending').length;
};

/** What it is now; nothing when it was not for this site to do. */
const settle = async (fence: Fence, lease: Lease, services: Services): Promise<Fence | undefined> => {
  const { site, ledger, incidents, databasesFor, now, tell } = services;
  const { workload, database: name, epoch, incident } = fence;
  const fences = new Fences(ledger);
  const settledAt = new Date(now()).toISOString();
  if (lease.holder === site) {
    // The run that asked for it still works, or gave up before the take: then the writer is the writer still.
    if (!claimIsLive(lease, now())) await fences.settle(fence, { state: 'withdrawn', settledAt });
    return undefined;
  }
  const database = databasesFor(workload).find((each) => each.name === name);
  if (!database) throw new Error(`database '${name}' of '${workload}' is in the environment no more`);
  const { proof } = await database.fence(epoch, { byNetwork: true });
  await fences.settle(fence, { state: 'fenced', settledAt, proof });
  await incidents.append(incident, workload, {
    at: settledAt,
    step: 'settle-fences',
    state: 'succeeded',
    detail: { database: name, proof },
  });
  log('pending-fence-settled', { workload, database: name, epoch, incident, proof });
  await tell(`${workload}: the old writer is fenced`, { incident, workload, database: name, epoch, pendingSince: fence.since, proof });
  return { ...fence, state: 'fenced', settledAt, proof };
};
