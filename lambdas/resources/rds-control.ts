import {
  CreateDBInstanceReadReplicaCommand,
  type DBInstance,
  DBInstanceNotFoundFault,
  DescribeDBInstancesCommand,
  InvalidDBInstanceStateFault,
  ModifyDBInstanceCommand,
  type ModifyDBInstanceCommandInput,
  PromoteReadReplicaCommand,
  RDSClient,
  RebootDBInstanceCommand,
} from '@aws-sdk/client-rds'; // prettier-ignore
import { guarded, localCalls } from '../kit/clients.ts';
import { DatabaseUnrecoverable, NotReady } from '../kit/errors.ts';
import { givenToReplica, ownTags, readSettings } from './rds-settings.ts';

export type { DBInstance } from '@aws-sdk/client-rds';

/** Statuses from which no waiting helps. AWS, RDS user guide, 'Viewing DB instance status', 2026-11. All others may pass. */
export const TERMINAL = new Set([
  'failed',
  'deleting',
  'inaccessible-encryption-credentials',
  'incompatible-network',
  'incompatible-parameters',
  'incompatible-restore',
  'restore-error',
  'storage-full',
]);

const OPERATIONAL = new Set(['available', 'storage-optimization', 'storage-initialization']);

/** Can it be changed, renamed, restarted? Its storage may still be at work, for hours. */
export const isOperational = ({ DBInstanceStatus = '' }: DBInstance): boolean => OPERATIONAL.has(DBInstanceStatus);

export type Change = Omit<ModifyDBInstanceCommandInput, 'DBInstanceIdentifier' | 'ApplyImmediately'>;

/** What RDS does with one database's instances in this function's own region; what is refused for a moment is `NotReady`. */
export class RdsControl {
  private readonly rds = guarded(new RDSClient(localCalls));

  constructor(
    readonly identifier: string,
    private readonly region: string,
  ) {}

  /** @throws DatabaseUnrecoverable when RDS says that it does not exist. */
  async get(): Promise<DBInstance> {
    const instance = await this.find();
    if (instance) return instance;
    throw new DatabaseUnrecoverable(`DB instance ${this.identifier} does not exist in ${this.region}`);
  }

  /** Nothing only when RDS says that it does not exist: any other failure throws. */
  async find(identifier = this.identifier): Promise<DBInstance | undefined> {
    try {
      return (await this.rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier }))).DBInstances?.[0];
    } catch (error) {
      if (error instanceof DBInstanceNotFoundFault) return undefined;
      throw error;
    }
  }

  /** Applied at once. @throws NotReady while the instance is busy. */
  async modify(change: Change, identifier = this.identifier): Promise<void> {
    await this.unlessBusy(() =>
      this.rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: identifier, ApplyImmediately: true, ...change })),
    );
  }

  /** Asks for a restart: the answer says `rebooting`, so that `available` afterwards is a restart that is over. @throws NotReady while it is busy. */
  async reboot(): Promise<void> {
    await this.unlessBusy(() => this.rds.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: this.identifier })));
  }

  /** Asks for the promotion of a replica; one that has begun already, or a change of state between two calls, is no failure. */
  async promote(backupRetentionDays: number): Promise<void> {
    try {
      await this.rds.send(
        new PromoteReadReplicaCommand({ DBInstanceIdentifier: this.identifier, BackupRetentionPeriod: backupRetentionDays }),
      );
    } catch (error) {
      if (!(error instanceof InvalidDBInstanceStateFault)) throw error;
    }
  }

  /**
   * With the settings of the instance that it replaces, as far as RDS lets a replica have them from the start (`givenToReplica`): one named
   * without them gets the region's defaults. Where that instance is gone or has no key, and the source is encrypted (which cannot be seen
   * from here), RDS asks for a key of this region: then it is `key`.
   */
  async createReplica(sourceArn: string, like: DBInstance | undefined, key: string): Promise<void> {
    const tags = ownTags(Object.fromEntries((like?.TagList ?? []).map(({ Key = '', Value = '' }) => [Key, Value])));
    const create = (KmsKeyId: string | undefined) =>
      this.rds.send(
        new CreateDBInstanceReadReplicaCommand({
          CopyTagsToSnapshot: true,
          ...givenToReplica(like && readSettings(like)),
          DBInstanceIdentifier: this.identifier,
          SourceDBInstanceIdentifier: sourceArn,
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
          KmsKeyId,
        }),
      );
    try {
      await create(like?.KmsKeyId);
    } catch (error) {
      if (like?.KmsKeyId || !(error instanceof Error && error.name === 'InvalidParameterCombination')) throw error;
      await create(key);
    }
  }

  private async unlessBusy(call: () => Promise<unknown>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (error instanceof InvalidDBInstanceStateFault) throw new NotReady(`${this.identifier} is busy`, { cause: error });
      throw error;
    }
  }
}
