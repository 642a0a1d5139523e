import type { Item, Ledger } from './ledger.ts';
import type { SiteName } from './plan.ts';

/** Counts of rows of a former writer: `absent` at the new one, there in another version, not comparable for want of a key, or there. */
export interface LossCounts {
  absent: number;
  differs: number;
  uncompared: number;
  present: number;
}

/** A search of one former writer for rows that exist nowhere else. Times are ISO 8601 UTC. No row is in it. */
export interface LostRowsSearch extends Partial<LossCounts> {
  workload: string;
  database: string;
  /** Where the former writer stands. */
  site: SiteName;
  /** The first epoch in which it did not write. */
  epoch: number;
  /** The name under which it is kept. */
  instance: string;
  queuedAt: string;
  /** `incomplete`: some tables could not be searched; `nothing-kept`: the instance does not exist any more. */
  state: 'queued' | 'searching' | 'done' | 'incomplete' | 'nothing-kept';
  startedAt?: string;
  /** Tries that came to an end with something left unsearched. */
  tries?: number;
  /** What was found, by table. */
  tables?: Record<string, LossCounts>;
  unread?: { table: string; reason: string }[];
  /** When the new writer's last heartbeat of the old epoch was written: what was committed by then was replicated. */
  replicatedTo?: string;
  /** URI of what was exported. */
  manifest?: string;
  finishedAt?: string;
}

const MOST_TRIES = 3;
/** Longer than the function that searches may run. */
const ABANDONED_MS = 16 * 60_000;

const keyOf = ({ workload, site, database, epoch }: Pick<LostRowsSearch, 'workload' | 'site' | 'database' | 'epoch'>) => ({
  pk: `lost-rows#${workload}`,
  sk: `${site}#${database}#${String(epoch).padStart(12, '0')}`,
});

/** The queue and the results, in the ledger. */
export class LostRowsSearches {
  constructor(private readonly ledger: Pick<Ledger, 'put' | 'set' | 'list'>) {}

  /** Once for each database and epoch. */
  queue(search: Omit<LostRowsSearch, 'state'>): Promise<boolean> {
    return this.ledger.put({ ...keyOf(search), ...search, state: 'queued' }, 'attribute_not_exists(pk)');
  }

  async all(workload: string): Promise<LostRowsSearch[]> {
    return (await this.ledger.list(`lost-rows#${workload}`)).map(({ pk: _pk, sk: _sk, ...search }) => search as unknown as LostRowsSearch);
  }

  note(search: LostRowsSearch, fields: Partial<LostRowsSearch> & Item): Promise<void> {
    return this.ledger.set(keyOf(search), fields);
  }
}

/** Is there something left to do, and nobody at it? */
export const isDue = ({ state, startedAt, tries = 0 }: LostRowsSearch, now: number): boolean => {
  if (state === 'queued') return true;
  const abandoned = startedAt !== undefined && now - Date.parse(startedAt) > ABANDONED_MS;
  return (state === 'searching' && abandoned) || (state === 'incomplete' && tries < MOST_TRIES && abandoned);
};

export const sumOf = (tables: Record<string, LossCounts>): LossCounts => {
  const sum: LossCounts = { absent: 0, differs: 0, uncompared: 0, present: 0 };
  for (const counts of Object.values(tables)) for (const kind of Object.keys(sum) as (keyof LossCounts)[]) sum[kind] += counts[kind];
  return sum;
};
