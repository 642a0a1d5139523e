import { NotReady } from './errors.ts';
import type { Item, Ledger } from './ledger.ts';
import type { SiteName } from './plan.ts';

/**
 * `pending`: the old writer could not be reached, and is fenced as soon as its region answers. `overridden`: a person decided that nobody
 * waits for that any more. `withdrawn`: the move did not come about, and the writer is the writer still. `superseded`: a later epoch wrote
 * there since, and the fence of that one covers this one, which was never proven by itself.
 */
export type FenceState = 'pending' | 'fenced' | 'overridden' | 'withdrawn' | 'superseded';

/** What a move asks for at one database of the site that it left. Times are ISO 8601 UTC. */
export interface Fence {
  workload: string;
  database: string;
  /** Where the old writer stands. */
  site: SiteName;
  /** The epoch whose writes must end. */
  epoch: number;
  /** Of the run that asked last. */
  incident: string;
  /** That run itself: an incident may have several. */
  execution?: string;
  state: FenceState;
  since: string;
  settledAt?: string;
  /** What showed that it holds; of one that is superseded, which fence covers it. */
  proof?: string;
  override?: Override;
  /** How often it has changed since it was first asked for. */
  version?: number;
}

export interface Override {
  by: string;
  at: string;
  reason: string;
}

/** What an instance's network was before it was isolated, to be put back exactly so. Times are ISO 8601 UTC. */
export interface Isolation {
  /** The instance's own identifier, which no rename changes. */
  resourceId: string;
  securityGroupIds: string[];
  parameterGroup?: string;
  isolatedAt: string;
  /** After the groups were in force: until then sessions that existed live on. */
  rebootAskedAt?: string;
  restoredAt?: string;
}

const pkOf = (workload: string): string => `fence#${workload}`;
const PREFIX = 'site#';
const padded = (n: number): string => String(n).padStart(12, '0');
const nameOf = ({ site, database, epoch }: Fence): string => `${PREFIX}${site}#${database}#${padded(epoch)}`;
/** Versions of one fence sort in the order in which they came. */
const keyOf = (fence: Fence) => ({
  pk: pkOf(fence.workload),
  sk: fence.version ? `${nameOf(fence)}#${padded(fence.version)}` : nameOf(fence),
});

/**
 * Fences in the ledger, where every site reads which of them are still pending: one for each database and epoch. A change is an item of
 * its own, next after the one that it was decided on, so that of two at once the second is refused and decides again.
 */
export class Fences {
  constructor(private readonly ledger: Pick<Ledger, 'put' | 'list'>) {}

  /**
   * It belongs to the run that asked last: one that a run before gave up is pending anew, one that is pending still is handed over. What
   * became of it otherwise is not undone, and asking again changes nothing. Returns what stands now.
   * @throws NotReady when it changed at this moment.
   */
  async demand(fence: Fence): Promise<Fence> {
    const last = (await this.all(fence.workload)).find((each) => nameOf(each) === nameOf(fence));
    if (!last) return this.write(fence);
    if (last.state === 'withdrawn') return this.write(fence, last);
    const isMine = last.incident === fence.incident && last.execution === fence.execution;
    return last.state === 'pending' && !isMine ? this.write({ ...fence, since: last.since }, last) : last;
  }

  /** What became of it, as it was read. @throws NotReady when it changed since. */
  async settle(fence: Fence, fields: Partial<Fence>): Promise<void> {
    await this.write({ ...fence, ...fields }, fence);
  }

  /** Each as it stands now, oldest first. */
  async all(workload: string): Promise<Fence[]> {
    const items = await this.ledger.list(pkOf(workload), { prefix: PREFIX });
    const versions = items.map(({ pk: _pk, sk: _sk, ...fence }) => fence as unknown as Fence);
    return [...new Map(versions.map((fence) => [nameOf(fence), fence])).values()];
  }

  private async write(fence: Fence, after?: Fence): Promise<Fence> {
    const next = { ...fence, version: after ? (after.version ?? 0) + 1 : 0 };
    if (await this.ledger.put({ ...keyOf(next), ...next }, 'attribute_not_exists(pk)')) return next;
    throw new NotReady(`the fence of '${fence.database}' in site '${fence.site}' changed at this moment`);
  }

  async pending(workload: string): Promise<Fence[]> {
    return (await this.all(workload)).filter(({ state }) => state === 'pending');
  }
}

/** What one site must remember of one database's network while that is isolated. */
export class IsolationMemory {
  private readonly key: { pk: string; sk: string };

  constructor(
    private readonly ledger: Pick<Ledger, 'get' | 'put' | 'set'>,
    { workload, site, database }: { workload: string; site: SiteName; database: string },
  ) {
    this.key = { pk: pkOf(workload), sk: `isolation#${site}#${database}` };
  }

  /** Nothing where nothing is isolated, or all of it was put back. */
  async read(): Promise<Isolation | undefined> {
    const found = (await this.ledger.get(this.key)) as Isolation | undefined;
    return found?.restoredAt ? undefined : found;
  }

  write(isolation: Isolation): Promise<boolean> {
    return this.ledger.put({ ...this.key, ...isolation });
  }

  note(fields: Partial<Isolation> & Item): Promise<void> {
    return this.ledger.set(this.key, fields);
  }
}
