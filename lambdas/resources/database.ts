import type { Database, SiteName, Workload } from '../kit/plan.ts';
import type { Base } from '../kit/step.ts';
import type { RenewalResult } from './postgres-lease.ts';
import type { SearchOptions, SearchResult } from './rds-lost-rows.ts';
import { RdsPostgresReplica } from './rds-postgres-replica.ts';

/** What a database is right now, as its engine and its control plane say together. */
export type Role = 'writer' | 'replica' | 'changing' | 'missing';

export interface StandbyReading {
  /** When the standby's newest replayed heartbeat was written at the writer, epoch milliseconds; nothing if there was never one. */
  heartbeatAt?: number;
  /** Last replayed log position. */
  replayLsn: string;
  inRecovery: boolean;
}

/** The class 'database' of resources: one adapter per kind, all seen from one site. Methods are idempotent. */
export interface DatabaseAdapter {
  readonly name: string;
  /** @throws NotReady when it cannot be told. */
  role(): Promise<Role>;
  /** Asks the engine on the standby itself. */
  standby(): Promise<StandbyReading>;
  /** Has the standby replayed up to this position? */
  hasReplayed(lsn: string): Promise<boolean>;
  /** Makes the standby a writer and proves it with a write. @throws NotReady until then, DatabaseUnrecoverable when it cannot be. */
  promote(): Promise<{ writableAt: string }>;
  /**
   * Ends the workload's logins and sessions at this site's writer and proves it; the database lease refuses writes of this epoch for
   * good. Without an epoch only what is overdue is ended: nothing, while the database lease is live. Returns the last log position.
   * @throws LeaseLost when a later epoch writes here.
   */
  fence(epoch?: number): Promise<{ finalLsn: string; endedSessions: number }>;
  /** Writes the heartbeat. Returns its time, epoch milliseconds. */
  heartbeat(epoch: number): Promise<number>;
  /**
   * Renews the database's own right to write, for what remains, and lets the workload log in. `absent`: no database lease is installed,
   * and nothing but this site's guard ends the workload's writes.
   */
  open(epoch: number, remainingMs: () => number): Promise<RenewalResult>;
  /** Renews without the ledger's word: as `open`, but lets nobody log in whose login was taken. */
  extend(epoch: number, remainingMs: () => number): Promise<RenewalResult>;
  /** The last epoch that wrote here, 0 if that is not known. */
  lastEpoch(): Promise<number>;
  /** Backups on at the new writer. @throws NotReady while the instance is busy. */
  protect(): Promise<{ backupRetentionDays: number }>;
  /**
   * One step towards being a replica of the other site's writer; says what it did, or `replicating`. `keep` is told under which name a
   * former writer is kept, before that is set aside.
   */
  rebuild(epoch: number, keep: (instance: string) => Promise<unknown>): Promise<string>;
  /** Searches the writer that was set aside when `epoch` began for rows that its successor does not have. */
  searchLostRows(epoch: number, search: SearchOptions): Promise<SearchResult>;
}

/** The databases of a workload as seen from one site; adding a kind adds a case here, its file and its grants. */
export const databasesOf = (workload: Workload, base: Pick<Base, 'plan' | 'now' | 'sleep'>, site: SiteName): DatabaseAdapter[] =>
  workload.databases.map((database) => adapterFor(database, base, site));

const adapterFor = (database: Database, base: Pick<Base, 'plan' | 'now' | 'sleep'>, site: SiteName): DatabaseAdapter => {
  switch (database.kind) {
    case 'rds-postgres-replica':
      return new RdsPostgresReplica(database, base, site);
  }
};
