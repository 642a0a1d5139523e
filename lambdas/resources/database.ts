import type { Database, SiteName, Workload } from '../kit/plan.ts';
import type { Base } from '../kit/step.ts';
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
  /** Ends the workload's logins and sessions at this site's writer and proves it. Returns the last log position. */
  fence(): Promise<{ finalLsn: string; endedSessions: number }>;
  /** Lets the workload's roles log in again. */
  unfence(): Promise<void>;
  /** Writes the heartbeat and makes sure that the workload may log in. Returns its time, epoch milliseconds. */
  heartbeat(epoch: number): Promise<number>;
  /** Backups on at the new writer. @throws NotReady while the instance is busy. */
  protect(): Promise<{ backupRetentionDays: number }>;
  /** One step towards being a replica of the other site's writer; says what it did, or `replicating`. */
  rebuild(epoch: number): Promise<string>;
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
