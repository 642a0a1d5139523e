import type pg from 'pg';
import { DatabaseUnrecoverable, LeaseLost, messageOf, NotReady } from '../kit/errors.ts';
import { IsolationMemory } from '../kit/fences.ts';
import { log } from '../kit/log.ts';
import { type Database, keyAlias, otherSite, partitionOf, type SiteName } from '../kit/plan.ts';
import type { DatabaseAdapter, DatabaseBase, FenceResult, Role, StandbyReading } from './database.ts';
import { type Login, Postgres, Remembered } from './postgres.ts';
import { fenceBySql } from './postgres-fence.ts';
import { type RenewalResult, readLease, renewLease } from './postgres-lease.ts';
import { giveLoginsBack } from './postgres-logins.ts';
import { beat, hasReplayed, isInRecovery, readStandby } from './postgres-writer.ts';
import { type DBInstance, RdsControl, TERMINAL } from './rds-control.ts';
import { type SearchOptions, type SearchResult, searchSetAside } from './rds-lost-rows.ts';
import { NetworkFence } from './rds-network-fence.ts';
import { rebuildAsReplica } from './rds-rebuild.ts';

const BACKUP_RETENTION_DAYS = 7;
/** Statuses in which a server that answers is about to restart. */
const RESTARTING = new Set(['modifying', 'rebooting', 'starting', 'upgrading', 'renaming']);

/**
 * By database, for as long as the sandbox lives: each minute's loop begins anew, and an outage of RDS's API or of Secrets Manager must
 * not keep it from the database that it holds open.
 */
const known = new Map<string, { address: Remembered<string>; login: Remembered<Login> }>();

const knownOf = (region: string, { name, instances, secret }: Database, site: SiteName) => {
  const key = JSON.stringify([region, name, instances[site], secret]);
  const found = known.get(key) ?? { address: new Remembered<string>(), login: new Remembered<Login>() };
  known.set(key, found);
  return found;
};

/** RDS for PostgreSQL with a cross-region read replica, seen from one site. */
export class RdsPostgresReplica implements DatabaseAdapter {
  readonly name: string;
  private readonly rds: RdsControl;
  private readonly network: NetworkFence;
  private readonly postgres: Postgres;
  private readonly identifier: string;
  private readonly address: Remembered<string>;

  constructor(
    private readonly config: Database,
    workload: string,
    private readonly base: DatabaseBase,
    private readonly site: SiteName,
  ) {
    this.name = config.name;
    this.identifier = config.instances[site];
    const { region, isolatingSecurityGroupId: isolatingGroup } = base.plan.sites[site];
    this.rds = new RdsControl(this.identifier, region);
    this.network = new NetworkFence({
      rds: this.rds,
      isolatingGroup,
      memory: base.ledger && new IsolationMemory(base.ledger, { workload, site, database: config.name }),
      now: base.now,
      patienceMs: base.plan.lease.fenceLeadSeconds * 1000,
    });
    const { port, databaseName, secret, tls } = config;
    const { address, login } = knownOf(region, config, site);
    this.address = address;
    this.postgres = new Postgres({ host: () => this.host(), port, databaseName, secret, tls, login });
  }

  async role(): Promise<Role> {
    const instance = await this.rds.find();
    if (!instance) return 'missing';
    if (instance.ReadReplicaSourceDBInstanceIdentifier) return 'replica';
    if (instance.DBInstanceStatus === 'creating') return 'changing';
    return (await this.sql(isInRecovery)) ? 'changing' : 'writer';
  }

  standby(): Promise<StandbyReading> {
    return this.sql(readStandby);
  }

  hasReplayed(lsn: string): Promise<boolean> {
    return this.sql((client) => hasReplayed(client, lsn));
  }

  /**
   * RDS answers `available` for a while after the call, and a server that is being promoted may accept a write before it restarts:
   * done is a vanished source, no restart to come, and an accepted write.
   */
  async promote(): Promise<{ writableAt: string }> {
    const instance = await this.rds.get();
    if (instance.ReadReplicaSourceDBInstanceIdentifier) {
      await this.requestPromotion(instance);
      throw new NotReady(`${this.identifier} is being promoted (${instance.DBInstanceStatus})`);
    }
    if (RESTARTING.has(instance.DBInstanceStatus ?? '')) throw new NotReady(`${this.identifier} is ${instance.DBInstanceStatus}`);
    await this.sql(async (client) => {
      if (await isInRecovery(client)) throw new NotReady(`${this.identifier} is still in recovery`);
      await beat(client, 0);
      // The fence of the old writer was replicated with everything else.
      await giveLoginsBack(client, this.config.applicationRoles);
    });
    return { writableAt: new Date(this.base.now()).toISOString() };
  }

  async fence(epoch?: number, { byNetwork = false } = {}): Promise<FenceResult> {
    const { applicationRoles: roles } = this.config;
    try {
      const result = await this.sql((client) => fenceBySql(client, { epoch, roles, sleep: this.base.sleep, name: this.identifier }));
      this.network.reached();
      return result;
    } catch (error) {
      if (!byNetwork || isAnswer(error)) throw error;
      return { endedSessions: 0, proof: await this.network.close(error) };
    }
  }

  heartbeat(epoch: number): Promise<number> {
    return this.sql((client) => beat(client, epoch));
  }

  async open(epoch: number, remainingMs: () => number): Promise<RenewalResult> {
    try {
      const opened = await this.sql(async (client) => {
        const result = await renewLease(client, epoch, remainingMs);
        if (result === 'renewed' || (result === 'absent' && remainingMs() > 0)) await giveLoginsBack(client, this.config.applicationRoles);
        return result;
      });
      if (opened !== 'refused') this.network.opened();
      return opened;
    } catch (error) {
      // It may be our own doing that nobody gets in.
      if (!isAnswer(error)) await this.network.open();
      throw error;
    }
  }

  extend(epoch: number, remainingMs: () => number): Promise<RenewalResult> {
    return this.sql((client) => renewLease(client, epoch, remainingMs));
  }

  async lastEpoch(): Promise<number> {
    return (await this.sql(readLease))?.epoch ?? 0;
  }

  async protect(): Promise<{ backupRetentionDays: number }> {
    const instance = await this.rds.get();
    if ((instance.BackupRetentionPeriod ?? 0) > 0) return { backupRetentionDays: instance.BackupRetentionPeriod! };
    await this.rds.modify({ BackupRetentionPeriod: BACKUP_RETENTION_DAYS });
    throw new NotReady(`backups of ${this.identifier} are being switched on`);
  }

  async rebuild(epoch: number, keep: (instance: string) => Promise<unknown>): Promise<string> {
    const { account, sites } = this.base.plan;
    const source = otherSite(this.site);
    const { region } = sites[source];
    const sourceArn = `arn:${partitionOf(region)}:rds:${region}:${account}:db:${this.config.instances[source]}`;
    this.address.doubt(); // a rename moves the endpoint
    const fence = (before: number) => this.fence(before, { byNetwork: true });
    const release = (kept: string) => this.release(kept, epoch - 1);
    return rebuildAsReplica({ rds: this.rds, sourceArn, key: keyAlias(this.base.plan), fence, keep, release, now: this.base.now }, epoch);
  }

  /**
   * A writer that was isolated gets its network back under its new name, which no client knows, so that it can be read; and is fenced
   * by SQL as soon as that reaches it.
   */
  private async release(kept: string, epoch: number): Promise<void> {
    await this.network.open(kept);
    const { port, databaseName, secret, tls, applicationRoles: roles } = this.config;
    const host = async () => (await this.rds.find(kept))?.Endpoint?.Address ?? kept;
    const fence = (client: pg.Client) => fenceBySql(client, { epoch, roles, sleep: this.base.sleep, name: kept });
    await new Postgres({ host, port, databaseName, secret, tls })
      .with(fence)
      .catch((error: unknown) => log('former-writer-not-reached', { instance: kept, error: messageOf(error) }));
  }

  searchLostRows(epoch: number, search: SearchOptions): Promise<SearchResult> {
    return searchSetAside({ rds: this.rds, config: this.config }, epoch, search);
  }

  private async requestPromotion({ DBInstanceStatus: status = 'unknown' }: DBInstance): Promise<void> {
    if (TERMINAL.has(status)) throw new DatabaseUnrecoverable(`${this.identifier} is ${status}`);
    // Others than `available` can be promoted too, such as `storage-optimization`, which lasts for hours: RDS says what can not.
    if (!RESTARTING.has(status)) await this.rds.promote(BACKUP_RETENTION_DAYS);
  }

  private async host(): Promise<string> {
    const address = await this.address.read(async () => (await this.rds.find())?.Endpoint?.Address);
    if (address) return address;
    await this.rds.get(); // says so where there is no such instance
    throw new NotReady(`${this.identifier} has no endpoint yet`);
  }

  private async sql<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    try {
      return await this.postgres.with(work);
    } catch (error) {
      if (error instanceof NotReady) this.address.doubt();
      throw error;
    }
  }
}

/** SQL works, and says no, or not yet: the network would do no better. */
const isAnswer = (error: unknown): boolean => error instanceof LeaseLost || (error instanceof NotReady && error.cause === undefined);
