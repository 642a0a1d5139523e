import type { Item, Ledger } from './ledger.ts';
import type { SiteName } from './plan.ts';

/**
 * `pending`: the old writer could not be reached, and is fenced as soon as its region answers. `overridden`: a person decided that nobody
 * waits for that any more. `withdrawn`: the move did not come about, and the writer is the writer still.
 */
export type FenceState = 'pending' | 'fenced' | 'overridden' | 'withdrawn';

/** What a move asks for at one database of the site that it left. Times are ISO 8601 UTC. */
export interface Fence {
  workload: string;
  database: string;
  /** Where the old writer stands. */
  site: SiteName;
  /** The epoch whose writes must end. */
  epoch: number;
  incident: string;
  state: FenceState;
  since: string;
  settledAt?: string;
  /** What showed that it holds. */
  proof?: string;
  override?: Override;
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
const keyOf = ({ workload, site, database, epoch }: Pick<Fence, 'workload' | 'site' | 'database' | 'epoch'>) => ({
  pk: pkOf(workload),
  sk: `${PREFIX}${site}#${database}#${String(epoch).padStart(12, '0')}`,
});

/** Fences in the ledger, where every site reads which of them are still pending. */
export class Fences {
  constructor(private readonly ledger: Pick<Ledger, 'put' | 'set' | 'list'>) {}

  /** Written down once for each database and epoch; what became of it since is not undone. */
  demand(fence: Fence): Promise<boolean> {
    return this.ledger.put({ ...keyOf(fence), ...fence }, 'attribute_not_exists(pk)');
  }

  settle(fence: Fence, fields: Partial<Fence> & Item): Promise<void> {
    return this.ledger.set(keyOf(fence), fields);
  }

  /** Oldest first. */
  async all(workload: string): Promise<Fence[]> {
    const items = await this.ledger.list(pkOf(workload), { prefix: PREFIX });
    return items.map(({ pk: _pk, sk: _sk, ...fence }) => fence as unknown as Fence);
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
