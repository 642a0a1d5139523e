import { DatabaseUnrecoverable, LeaseLost, messageOf } from '../kit/errors.ts';
import { type Fence, Fences } from '../kit/fences.ts';
import type { Incident } from '../kit/incidents.ts';
import { claimIsLive, type Lease } from '../kit/lease.ts';
import type { Item } from '../kit/ledger.ts';
import { log } from '../kit/log.ts';
import type { Tell } from '../kit/notify.ts';
import type { Base } from '../kit/step.ts';
import type { DatabaseAdapter } from '../resources/database.ts';

type Services = Pick<Base, 'site' | 'ledger' | 'incidents' | 'now'> & { databasesFor: (name: string) => DatabaseAdapter[]; tell: Tell };

export interface Unsettled {
  database: string;
  because: string;
}

export interface SettledFences {
  /** How many are pending at the other site. */
  elsewhere: number;
  /** Databases of this site that may have an unfenced writer: nothing else is to be done to them. */
  unsettled: Unsettled[];
}

/** What an override ends: nothing of ours can fence it, however often it is tried. */
class NotInEnvironment extends Error {
  override readonly name = 'NotInEnvironment';
}

/**
 * Does what a move has asked for at this site while nobody here could be reached: before anything else, and again until it is proven. A
 * fence that people gave up waiting for is done all the same when its region returns. Each is tried and recorded by itself.
 */
export const settleFences = async (lease: Lease, services: Services): Promise<SettledFences> => {
  const { site, ledger } = services;
  const fences = await new Fences(ledger).all(lease.workload);
  const elsewhere = fences.filter((fence) => fence.site !== site && fence.state === 'pending').length;
  const open = fences.filter((fence) => fence.site === site && (fence.state === 'pending' || fence.state === 'overridden'));
  if (lease.holder === site) {
    await withdraw(open, lease.workload, services);
    return { elsewhere, unsettled: [] };
  }
  const record = recorder(fences, services);
  const failures = await Promise.all(open.map((fence) => settle(fence, laterFence(fence, fences, lease), record, services)));
  return { elsewhere, unsettled: failures.filter((failure) => failure !== undefined) };
};

/**
 * The run that asked still works, or gave up before the take: then the writer is the writer still. The lease is read after the fences:
 * a run that claims later than that asks later too, and what it has asked for is refused to be withdrawn.
 */
const withdraw = async (open: Fence[], workload: string, { site, ledger, now }: Services): Promise<void> => {
  const lease = open.length > 0 ? await ledger.lease(workload) : undefined;
  if (lease?.holder !== site || claimIsLive(lease, now())) return;
  for (const fence of open) await new Fences(ledger).settle(fence, { state: 'withdrawn', settledAt: new Date(now()).toISOString() });
};

/** The latest epoch after this fence's of which the site was fenced, or is being: by a fence of its own, or when its guard let go. */
const laterFence = ({ site, database, epoch }: Fence, fences: Fence[], lease: Lease): number | undefined => {
  const others = fences.filter((each) => each.site === site && each.database === database && each.state !== 'withdrawn');
  const latest = Math.max(...others.map((each) => each.epoch), lease.fence?.site === site ? lease.fence.epoch : 0);
  return latest > epoch ? latest : undefined;
};

/**
 * Why it is not settled; nothing when it is, or when a person has decided and trying again cannot help: also where the instance is gone.
 * What comes back is tried again, here before anything else is done to it.
 */
const settle = async (fence: Fence, later: number | undefined, record: Recorder, services: Services): Promise<Unsettled | undefined> => {
  const { workload, database: name, epoch, incident } = fence;
  try {
    await record(fence, await prove(fence, later, services));
    return undefined;
  } catch (error) {
    const isHopeless = [NotInEnvironment, LeaseLost, DatabaseUnrecoverable].some((kind) => error instanceof kind);
    if (fence.state === 'overridden' && isHopeless) return undefined;
    const because = messageOf(error);
    log('fence-not-settled', { workload, database: name, epoch, incident, state: fence.state, because });
    return { database: name, because };
  }
};

type Settled = { state: 'fenced' | 'superseded'; proof: string };

/** What a later epoch writes only that one's own fence ends: where there is one, it covers this. @throws whatever says that neither is so. */
const prove = async (
  { workload, database: name, epoch }: Fence,
  later: number | undefined,
  { databasesFor }: Services,
): Promise<Settled> => {
  const database = databasesFor(workload).find((each) => each.name === name);
  if (!database) throw new NotInEnvironment(`database '${name}' of '${workload}' is in the environment no more`);
  try {
    return { state: 'fenced', proof: (await database.fence(epoch, { byNetwork: true })).proof };
  } catch (error) {
    if (!(error instanceof LeaseLost) || later === undefined) throw error;
    return { state: 'superseded', proof: `none of its own: the fence of epoch ${later} covers it` };
  }
};

type Recorder = (fence: Fence, how: Settled) => Promise<void>;

/** Records one after the other, as each is proven: the proofs of an incident are one field, which two writers at once would lose. */
const recorder = (fences: Fence[], services: Services): Recorder => {
  const known = new Map(fences.map((fence) => [fence, fence]));
  let before: Promise<unknown> = Promise.resolve();
  return (fence, how) => {
    const settled = { ...fence, ...how, settledAt: new Date(services.now()).toISOString() };
    known.set(fence, settled);
    const own = () => [...known.values()].filter(({ incident, state }) => incident === fence.incident && state !== 'withdrawn');
    const recorded = before.then(() => recordOne(settled, own(), services));
    before = recorded.catch(() => {});
    return recorded;
  };
};

/** `fenced` in the ledger comes last: a call that dies before it is done again, and people are told twice rather than never. */
const recordOne = async (fence: Fence, own: Fence[], { ledger, incidents, tell }: Services): Promise<void> => {
  const { workload, database, epoch, incident, state, settledAt, proof, since } = fence;
  const settled = own.filter((each) => each.state === 'fenced' || each.state === 'superseded');
  await incidents.note(incident, workload, {
    fenceProof: Object.fromEntries(settled.map((each) => [each.database, each.proof])),
    ...verdictOf(own, settledAt),
  });
  if (state === 'fenced')
    await tell(`${workload}: the old writer is fenced`, { incident, workload, database, epoch, pendingSince: since, proof });
  await incidents.append(incident, workload, {
    at: settledAt!,
    step: 'settle-fences',
    state: 'succeeded',
    detail: { database, proof },
  });
  await new Fences(ledger).settle(fence, { state, settledAt, proof });
  log('pending-fence-settled', { workload, database, epoch, incident, state, proof });
};

/** What became of the old writer. One that is superseded says nothing of that: the fence that covers it does, in its own incident. */
const verdictOf = (own: Fence[], fencedAt: string | undefined): Partial<Incident> & Item => {
  const counted = own.filter((each) => each.state !== 'superseded');
  if (counted.length === 0 || counted.some((each) => each.state === 'pending')) return {};
  // Of those that are not fenced a person has decided that nobody waits.
  return counted.every((each) => each.state === 'fenced') ? { fence: 'fenced', fencedAt } : { fence: 'overridden' };
};
