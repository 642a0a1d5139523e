import type { Ledger } from '../kit/ledger.ts';
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
  /** The epoch that this heartbeat belongs to: of the writer whose database the standby follows. 0 is a promotion's own. */
  heartbeatEpoch?: number;
  /** Commit time at the writer of the last transaction that the engine has replayed, epoch milliseconds; nothing if none since its start. */
  replayedAt?: number;
  /** State of the engine's receiver, `streaming` as a rule; nothing while none runs. */
  receiver?: string;
  /** Last replayed log position. */
  replayLsn: string;
  inRecovery: boolean;
}

export interface FenceResult {
  /** Nothing where the database could not be asked. */
  finalLsn?: string;
  endedSessions: number;
  /** What showed that nobody writes any more. */
  proof: string;
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
   * `byNetwork`: where SQL does not reach it, it is isolated and rebooted, a step each call; nobody knows its last log position then.
   * @throws LeaseLost when a later epoch writes here, NotReady until it is proven.
   */
  fence(epoch?: number, ways?: { byNetwork: boolean }): Promise<FenceResult>;
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
export const databasesOf = (workload: Workload, base: DatabaseBase, site: SiteName): DatabaseAdapter[] =>
  workload.databases.map((database) => adapterFor(database, workload.name, base, site));

/** What an adapter works with. Only who may fence by network gives it the ledger, which remembers what was before. */
export type DatabaseBase = Pick<Base, 'plan' | 'now' | 'sleep'> & { ledger?: Pick<Ledger, 'get' | 'put' | 'set'> };

const adapterFor = (database: Database, workload: string, base: DatabaseBase, site: SiteName): DatabaseAdapter => {
  switch (database.kind) {
    case 'rds-postgres-replica':
      return new RdsPostgresReplica(database, workload, base, site);
  }
};
