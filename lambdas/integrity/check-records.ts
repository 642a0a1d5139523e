import type { IntegrityPolicy } from '../../environments/integrity.ts';
import type { Item, Ledger } from '../kit/ledger.ts';
import type { Environment, SiteName } from '../kit/plan.ts';
import { type Cursor, liveChecks } from '../resources/postgres-live-checks.ts';

/** What is known of one check. Times are ISO 8601 UTC. */
export interface CheckRecord {
  check: string;
  /** When the check was first known of. */
  since: string;
  /** Of the newest time through everything; a failure counts from where it was found, until that place and then all the rest pass. */
  verdict: 'passed' | 'failed' | 'unknown';
  detail?: string;
  /** The contents of this time passed as a whole: where a restore can go back to. */
  lastPassedAt?: string;
  /** When it last passed or failed. */
  lastConcludedAt?: string;
  lastRunAt?: string;
  failedSince?: string;
  /** Stays when it passes again. */
  lastFailedAt?: string;
  /** Where it failed: looked at first the next time. */
  failedPart?: Cursor;
  /** The time through everything that is under way. `of`: the contents are of this time at least. */
  pass?: { of: string; cursor: Cursor; unknown?: string };
}

export interface WatchedDatabase {
  workload: string;
  database: string;
}

/** Checks of live databases in the ledger. */
export class CheckRecords {
  constructor(private readonly ledger: Ledger) {}

  async list(database: WatchedDatabase): Promise<Map<string, CheckRecord>> {
    const items = (await this.ledger.list(partition(database))) as unknown as CheckRecord[];
    return new Map(items.map((item) => [item.check, item]));
  }

  /** The whole record: what it no longer says is gone. */
  async save(database: WatchedDatabase, record: CheckRecord): Promise<void> {
    await this.ledger.put({ ...record, pk: partition(database), sk: record.check } as Item);
  }

  /** From now on the check is waited for, if nothing was known of it. */
  async expect(database: WatchedDatabase, record: CheckRecord): Promise<void> {
    await this.ledger.put({ ...record, pk: partition(database), sk: record.check } as Item, 'attribute_not_exists(pk)');
  }
}

const partition = ({ workload, database }: WatchedDatabase): string => `integrity#${workload}#${database}`;

export const newRecord = (check: string, now: number): CheckRecord => ({ check, since: new Date(now).toISOString(), verdict: 'unknown' });

/** Each site has pages of its own; rows are the same in both. */
export const recordName = ({ name, of }: { name: string; of: 'rows' | 'pages' }, site: SiteName): string =>
  of === 'pages' ? `${name} in ${site}` : name;

/** Does this site look at the rows, given who is active? */
export const looksAtRows = ({ rowsAt }: IntegrityPolicy, isActive: boolean): boolean => (rowsAt === 'active') === isActive;

/** The checks that a site makes of a database. */
export const checksOf = (policy: IntegrityPolicy, isActive: boolean) =>
  liveChecks(policy).filter(({ of }) => of === 'pages' || looksAtRows(policy, isActive));

/** Every database with a policy. */
export const watchedDatabases = (plan: Environment) =>
  plan.workloads.flatMap(({ name: workload, databases }) =>
    databases.flatMap((config) => (config.integrity ? [{ workload, database: config.name, config, policy: config.integrity }] : [])),
  );
