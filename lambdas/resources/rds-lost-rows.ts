import type pg from 'pg';
import { NotReady } from '../kit/errors.ts';
import type { Database } from '../kit/plan.ts';
import { Postgres } from './postgres.ts';
import { tablesOf } from './postgres-contents.ts';
import { type EndOfEpoch, findLostRows, readEndOfEpoch, type TableLoss, type TakeRows } from './postgres-lost-rows.ts';
import type { RdsControl } from './rds-control.ts';
import { setAsideName } from './rds-rebuild.ts';

/** One reading of a whole table, at the longest. */
const READ_TIMEOUT_MS = 600_000;

/** By SQLSTATE: a message of PostgreSQL's may quote a value. */
const REASONS: Record<string, string> = {
  '42501': "Lifeboat's role may not read it, or a row policy hides rows from it",
  '57014': 'reading it took too long',
};

export interface SearchOptions {
  /** Tables that an earlier try has finished. */
  done: ReadonlySet<string>;
  take: TakeRows;
  /** Told after each table, in their order. */
  finish: (loss: TableLoss) => Promise<unknown>;
  /** Epoch milliseconds after which no further table is begun. */
  until: number;
  now: () => number;
}

/** `nothing-kept`: RDS says that there is no instance of that name, although a replica has taken its place. */
export type SearchResult =
  | { state: 'nothing-kept' }
  | { state: 'searched'; end: EndOfEpoch | 'none'; unread: { table: string; reason: string }[] };

/**
 * Compares the writer that was set aside when `epoch` began with what has its place in the site, table by table: a replica of the new
 * writer, or, where the workload has come back since, the writer itself, which is only read. A table that cannot be read is named with the
 * reason; the others are searched all the same.
 * @throws NotReady while one of the two cannot be reached, or the successor has not heard from its new writer yet.
 */
export const searchSetAside = async (
  { rds, config }: { rds: RdsControl; config: Database },
  epoch: number,
  options: SearchOptions,
): Promise<SearchResult> => {
  const own = await rds.find();
  const kept = await rds.find(setAsideName(rds.identifier, epoch));
  // Before its rename, and for minutes after, the former writer is not listed under its new name: only a replica in its place tells that
  // it would be. Meanwhile it may be listed under both; compared with itself it would have lost nothing.
  if (!own || (kept ? own.DbiResourceId === kept.DbiResourceId : !own.ReadReplicaSourceDBInstanceIdentifier)) {
    throw new NotReady(`${rds.identifier} is not yet a successor of the former writer`);
  }
  if (!kept) return { state: 'nothing-kept' };
  const at = (address: string | undefined, name: string) => {
    if (!address) throw new NotReady(`${name} has no endpoint yet`);
    return new Postgres({ ...config, queryTimeoutMs: READ_TIMEOUT_MS, host: async () => address });
  };
  return at(kept.Endpoint?.Address, 'the former writer').with((aside) =>
    at(own.Endpoint?.Address, rds.identifier).with((successor) => searchAll(aside, successor, epoch, options)),
  );
};

const searchAll = async (aside: pg.Client, successor: pg.Client, epoch: number, options: SearchOptions): Promise<SearchResult> => {
  const { done, take, finish, until, now } = options;
  const end = await readEndOfEpoch(successor, epoch);
  if (end === 'not yet') throw new NotReady(`the successor has not heard from the writer of epoch ${epoch} yet`);
  const snapshot = end === 'none' ? undefined : end.snapshot;
  const unread: { table: string; reason: string }[] = [];
  for (const table of await tablesOf(aside)) {
    if (done.has(table)) continue;
    if (now() >= until) unread.push({ table, reason: 'no time was left' });
    else {
      const loss = await findLostRows(aside, successor, { table, snapshot, take }).catch((error: unknown) => {
        const { code, severity } = error as { code?: string; severity?: string };
        if (severity === undefined) throw error; // the connection or the bucket, not the table
        unread.push({ table, reason: REASONS[code ?? ''] ?? `SQLSTATE ${code}` });
      });
      if (loss) await finish(loss);
    }
  }
  return { state: 'searched', end, unread };
};
