import { LeaseLost, messageOf } from '../kit/errors.ts';
import { type Fence, Fences } from '../kit/fences.ts';
import { claimIsLive, type Lease } from '../kit/lease.ts';
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
    await withdraw(open, lease, services);
    return { elsewhere, unsettled: [] };
  }
  const record = recorder(fences, services);
  const failures = await Promise.all(open.map((fence) => settle(fence, record, services)));
  return { elsewhere, unsettled: failures.filter((failure) => failure !== undefined) };
};

/** The run that asked still works, or gave up before the take: then the writer is the writer still. */
const withdraw = async (open: Fence[], lease: Lease, { ledger, now }: Services): Promise<void> => {
  if (claimIsLive(lease, now())) return;
  for (const fence of open) await new Fences(ledger).settle(fence, { state: 'withdrawn', settledAt: new Date(now()).toISOString() });
};

/** Why it is not settled; nothing when it is, or when a person has decided and trying again cannot help. */
const settle = async (fence: Fence, record: Recorder, { databasesFor }: Services): Promise<Unsettled | undefined> => {
  const { workload, database: name, epoch, incident } = fence;
  try {
    const database = databasesFor(workload).find((each) => each.name === name);
    if (!database) throw new NotInEnvironment(`database '${name}' of '${workload}' is in the environment no more`);
    const { proof } = await database.fence(epoch, { byNetwork: true });
    await record(fence, proof);
    return undefined;
  } catch (error) {
    const isHopeless = error instanceof NotInEnvironment || error instanceof LeaseLost;
    if (fence.state === 'overridden' && isHopeless) return undefined;
    const because = messageOf(error);
    log('fence-not-settled', { workload, database: name, epoch, incident, state: fence.state, because });
    return { database: name, because };
  }
};

type Recorder = (fence: Fence, proof: string) => Promise<void>;

/** Records one after the other, as each is proven: the proofs of an incident are one field, which two writers at once would lose. */
const recorder = (fences: Fence[], services: Services): Recorder => {
  const known = new Map(fences.map((fence) => [fence, fence]));
  let before: Promise<unknown> = Promise.resolve();
  return (fence, proof) => {
    const settled = { ...fence, state: 'fenced' as const, settledAt: new Date(services.now()).toISOString(), proof };
    known.set(fence, settled);
    const own = () => [...known.values()].filter(({ incident }) => incident === fence.incident);
    const recorded = before.then(() => recordOne(settled, own(), services));
    before = recorded.catch(() => {});
    return recorded;
  };
};

/** `fenced` in the ledger comes last: a call that dies before it is done again, and people are told twice rather than never. */
const recordOne = async (fence: Fence, own: Fence[], { ledger, incidents, tell }: Services): Promise<void> => {
  const { workload, database, epoch, incident, state, settledAt, proof, since } = fence;
  const proven = own.filter((each) => each.state === 'fenced');
  await incidents.note(incident, workload, {
    fenceProof: Object.fromEntries(proven.map((each) => [each.database, each.proof])),
    ...(proven.length === own.length ? { fence: 'fenced', fencedAt: settledAt } : {}),
    // Of the others a person has decided that nobody waits.
    ...(proven.length < own.length && !own.some((each) => each.state === 'pending') ? { fence: 'overridden' } : {}),
  });
  await tell(`${workload}: the old writer is fenced`, { incident, workload, database, epoch, pendingSince: since, proof });
  await incidents.append(incident, workload, {
    at: settledAt!,
    step: 'settle-fences',
    state: 'succeeded',
    detail: { database, proof },
  });
  await new Fences(ledger).settle(fence, { state, settledAt, proof });
  log('pending-fence-settled', { workload, database, epoch, incident, proof });
};
