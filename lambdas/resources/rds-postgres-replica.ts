import {
  CreateDBInstanceReadReplicaCommand,
  type DBInstance,
  DBInstanceNotFoundFault,
  DescribeDBInstancesCommand,
  InvalidDBInstanceStateFault,
  ModifyDBInstanceCommand,
  PromoteReadReplicaCommand,
  RDSClient,
} from '@aws-sdk/client-rds'; // prettier-ignore
import type pg from 'pg';
import { guarded, localCalls } from '../kit/clients.ts';
import { DatabaseUnrecoverable, LeaseLost, NotReady } from '../kit/errors.ts';
import { type Database, otherSite, type SiteName } from '../kit/plan.ts';
import type { Base } from '../kit/step.ts';
import type { DatabaseAdapter, Role, StandbyReading } from './database.ts';
import { Postgres } from './postgres.ts';
import { closeLease, type RenewalResult, readLease, renewLease } from './postgres-lease.ts';
import { beat, fenceRoles, hasReplayed, isFenced, isInRecovery, readStandby, unfenceRoles } from './postgres-writer.ts';

const BACKUP_RETENTION_DAYS = 7;
/** Statuses from which no waiting helps. AWS, RDS user guide, 'Viewing DB instance status', 2026-11. All others may pass. */
const TERMINAL = new Set([
  'failed',
  'deleting',
  'inaccessible-encryption-credentials',
  'incompatible-network',
  'incompatible-parameters',
  'incompatible-restore',
  'restore-error',
  'storage-full',
]);

/** Statuses in which a server that answers is about to restart. */
const RESTARTING = new Set(['modifying', 'rebooting', 'starting', 'upgrading', 'renaming']);

/** RDS for PostgreSQL with a cross-region read replica, seen from one site. */
export class RdsPostgresReplica implements DatabaseAdapter {
  readonly name: string;
  private readonly rds = guarded(new RDSClient(localCalls));
  private readonly postgres: Postgres;
  private readonly identifier: string;
  private address?: string;

  constructor(
    private readonly config: Database,
    private readonly base: Pick<Base, 'plan' | 'now' | 'sleep'>,
    private readonly site: SiteName,
  ) {
    this.name = config.name;
    this.identifier = config.instances[site];
    const { port, databaseName, secret, tls } = config;
    this.postgres = new Postgres({ host: () => this.host(), port, databaseName, secret, tls });
  }

  async role(): Promise<Role> {
    const instance = await this.find(this.identifier);
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
    const instance = await this.get();
    if (instance.ReadReplicaSourceDBInstanceIdentifier) {
      await this.requestPromotion(instance);
      throw new NotReady(`${this.identifier} is being promoted (${instance.DBInstanceStatus})`);
    }
    if (RESTARTING.has(instance.DBInstanceStatus ?? '')) throw new NotReady(`${this.identifier} is ${instance.DBInstanceStatus}`);
    await this.sql(async (client) => {
      if (await isInRecovery(client)) throw new NotReady(`${this.identifier} is still in recovery`);
      await beat(client, 0);
      // The fence of the old writer was replicated with everything else.
      await unfenceRoles(client, this.config.applicationRoles);
    });
    return { writableAt: new Date(this.base.now()).toISOString() };
  }

  fence(epoch?: number): Promise<{ finalLsn: string; endedSessions: number }> {
    const { applicationRoles } = this.config;
    const closeWrites = (client: pg.Client) => async () => {
      if (epoch !== undefined && (await closeLease(client, epoch)) === 'later epoch') throw this.laterEpoch(epoch);
    };
    return this.sql(async (client) => {
      if (await isInRecovery(client)) return { finalLsn: '0/0', endedSessions: 0 };
      const lease = await readLease(client);
      if (epoch !== undefined && (lease?.epoch ?? 0) > epoch) throw this.laterEpoch(epoch);
      const renewedByAnother = epoch === undefined && lease?.live === true;
      if (renewedByAnother || (await isFenced(client, applicationRoles))) {
        await closeWrites(client)();
        return { finalLsn: (await readStandby(client)).replayLsn, endedSessions: 0 };
      }
      return fenceRoles(client, applicationRoles, this.base.sleep, closeWrites(client));
    });
  }

  heartbeat(epoch: number): Promise<number> {
    return this.sql((client) => beat(client, epoch));
  }

  open(epoch: number, remainingMs: () => number): Promise<RenewalResult> {
    return this.sql(async (client) => {
      const result = await renewLease(client, epoch, remainingMs);
      if (result === 'renewed' || (result === 'absent' && remainingMs() > 0)) await unfenceRoles(client, this.config.applicationRoles);
      return result;
    });
  }

  async lastEpoch(): Promise<number> {
    return (await this.sql(readLease))?.epoch ?? 0;
  }

  async protect(): Promise<{ backupRetentionDays: number }> {
    const instance = await this.get();
    if ((instance.BackupRetentionPeriod ?? 0) > 0) return { backupRetentionDays: instance.BackupRetentionPeriod! };
    await this.modify({ BackupRetentionPeriod: BACKUP_RETENTION_DAYS });
    throw new NotReady(`backups of ${this.identifier} are being switched on`);
  }

  /**
   * The old writer is fenced and renamed, never deleted, since it may hold rows that nobody else has; then a replica of the other
   * site's writer takes its identifier, and with it its endpoint name. One step a call.
   */
  async rebuild(epoch: number): Promise<string> {
    const instance = await this.find(this.identifier);
    if (!instance) {
      await this.createReplica(await this.find(this.setAside(epoch)));
      return 'creating the replica';
    }
    if (TERMINAL.has(instance.DBInstanceStatus ?? ''))
      throw new DatabaseUnrecoverable(`${this.identifier} is ${instance.DBInstanceStatus}`);
    if (instance.DBInstanceStatus !== 'available') return `waiting: ${instance.DBInstanceStatus}`;
    if (instance.ReadReplicaSourceDBInstanceIdentifier) return 'replicating';
    await this.fence(epoch - 1);
    await this.modify({ NewDBInstanceIdentifier: this.setAside(epoch) });
    this.address = undefined;
    return 'setting the old writer aside';
  }

  private async requestPromotion({ DBInstanceStatus: status = 'unknown' }: DBInstance): Promise<void> {
    if (TERMINAL.has(status)) throw new DatabaseUnrecoverable(`${this.identifier} is ${status}`);
    if (status !== 'available') return;
    try {
      await this.rds.send(
        new PromoteReadReplicaCommand({ DBInstanceIdentifier: this.identifier, BackupRetentionPeriod: BACKUP_RETENTION_DAYS }),
      );
    } catch (error) {
      // It changed state between the two calls, a promotion already begun included: look again.
      if (!(error instanceof InvalidDBInstanceStateFault)) throw error;
    }
  }

  private laterEpoch(epoch: number): LeaseLost {
    return new LeaseLost(`${this.identifier} is written in an epoch later than ${epoch}`);
  }

  private setAside(epoch: number): string {
    return `${this.identifier}-before-epoch-${epoch}`;
  }

  /** With the settings of the instance that it replaces: a replica named without them gets the region's defaults. */
  private async createReplica(like: DBInstance | undefined): Promise<void> {
    const { account, sites } = this.base.plan;
    const source = otherSite(this.site);
    await this.rds.send(
      new CreateDBInstanceReadReplicaCommand({
        DBInstanceIdentifier: this.identifier,
        SourceDBInstanceIdentifier: `arn:aws:rds:${sites[source].region}:${account}:db:${this.config.instances[source]}`,
        CopyTagsToSnapshot: true,
        DBInstanceClass: like?.DBInstanceClass,
        DBSubnetGroupName: like?.DBSubnetGroup?.DBSubnetGroupName,
        VpcSecurityGroupIds: like?.VpcSecurityGroups?.map(({ VpcSecurityGroupId }) => VpcSecurityGroupId!),
        DBParameterGroupName: like?.DBParameterGroups?.[0]?.DBParameterGroupName,
        KmsKeyId: like?.KmsKeyId,
        MultiAZ: like?.MultiAZ,
        DeletionProtection: like?.DeletionProtection,
      }),
    );
  }

  private async modify(change: { BackupRetentionPeriod?: number; NewDBInstanceIdentifier?: string }): Promise<void> {
    try {
      await this.rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: this.identifier, ApplyImmediately: true, ...change }));
    } catch (error) {
      if (error instanceof InvalidDBInstanceStateFault) throw new NotReady(`${this.identifier} is busy`, { cause: error });
      throw error;
    }
  }

  private async get(): Promise<DBInstance> {
    const instance = await this.find(this.identifier);
    if (instance) return instance;
    throw new DatabaseUnrecoverable(`DB instance ${this.identifier} does not exist in ${this.base.plan.sites[this.site].region}`);
  }

  /** Nothing only when RDS says that it does not exist: any other failure throws. */
  private async find(identifier: string): Promise<DBInstance | undefined> {
    try {
      return (await this.rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier }))).DBInstances?.[0];
    } catch (error) {
      if (error instanceof DBInstanceNotFoundFault) return undefined;
      throw error;
    }
  }

  private async host(): Promise<string> {
    this.address ??= (await this.get()).Endpoint?.Address;
    if (!this.address) throw new NotReady(`${this.identifier} has no endpoint yet`);
    return this.address;
  }

  private async sql<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    try {
      return await this.postgres.with(work);
    } catch (error) {
      if (error instanceof NotReady) this.address = undefined;
      throw error;
    }
  }
}
