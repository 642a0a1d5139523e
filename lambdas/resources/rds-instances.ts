import {
  type DBInstance,
  DBInstanceAlreadyExistsFault,
  DBInstanceNotFoundFault,
  DeleteDBInstanceCommand,
  InstanceQuotaExceededFault,
  InvalidDBInstanceStateFault,
  paginateDescribeDBInstances,
  RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
  type RestoreDBInstanceFromDBSnapshotCommandInput,
  StorageQuotaExceededFault,
} from '@aws-sdk/client-rds'; // prettier-ignore
import { guarded, localCalls } from '../kit/clients.ts';
import { messageOf, NotReady } from '../kit/errors.ts';

export interface Instance {
  id: string;
  arn: string;
  status: string;
  host?: string;
  port?: number;
  createdAt?: string;
  tags: Record<string, string>;
  settings: Settings;
}

/** What belongs to an instance and not to its data: a restore loses it unless it is named. */
export type Settings = Pick<
  RestoreDBInstanceFromDBSnapshotCommandInput,
  | 'DBInstanceClass'
  | 'DBSubnetGroupName'
  | 'VpcSecurityGroupIds'
  | 'DBParameterGroupName'
  | 'OptionGroupName'
  | 'MultiAZ'
  | 'DeletionProtection'
  | 'EnableIAMDatabaseAuthentication'
  | 'PubliclyAccessible'
  | 'AutoMinorVersionUpgrade'
  | 'CopyTagsToSnapshot'
  | 'StorageType'
  | 'Port'
>;

/** Names of the settings in which two instances differ; where there is nothing to compare with, that is said. */
export const differences = (wanted: Settings | undefined, found: Settings): string[] => {
  if (!wanted) return ['there is no instance in this site to compare with'];
  return (Object.keys(wanted) as (keyof Settings)[]).filter((name) => JSON.stringify(wanted[name]) !== JSON.stringify(found[name]));
};

export interface RestoreOptions {
  id: string;
  snapshotId: string;
  dbSubnetGroup: string;
  securityGroupIds: string[];
  instanceClass?: string;
  tags: Record<string, string>;
}

/** Statuses from which no waiting helps. AWS, RDS user guide, 'Viewing DB instance status', 2026-11. */
export const HOPELESS = new Set([
  'failed',
  'inaccessible-encryption-credentials',
  'incompatible-network',
  'incompatible-option-group',
  'incompatible-parameters',
  'incompatible-restore',
  'restore-error',
  'storage-full',
]);

/** Room that others may give back: what needs it asks again. */
const NO_ROOM = [InstanceQuotaExceededFault, StorageQuotaExceededFault];

/** DB instances of this function's own region, read by listing. */
export class RdsInstances {
  private readonly rds = guarded(new RDSClient(localCalls));

  async list(): Promise<Map<string, Instance>> {
    const found = new Map<string, Instance>();
    for await (const page of paginateDescribeDBInstances({ client: this.rds, pageSize: 100 }, {})) {
      for (const instance of page.DBInstances ?? []) found.set(instance.DBInstanceIdentifier ?? '', readInstance(instance));
    }
    return found;
  }

  /** Into a place of its own, for a while. */
  async restore({ id, snapshotId, dbSubnetGroup, securityGroupIds, instanceClass, tags }: RestoreOptions): Promise<void> {
    const settings: Settings = {
      DBInstanceClass: instanceClass,
      DBSubnetGroupName: dbSubnetGroup,
      VpcSecurityGroupIds: securityGroupIds,
      PubliclyAccessible: false,
      MultiAZ: false,
      DeletionProtection: false,
      AutoMinorVersionUpgrade: false,
    };
    await this.restoreLike(settings, { id, snapshotId, tags });
  }

  /**
   * With the settings that are given. One that is there already is the one that was asked for: its name is this run's alone.
   * @throws NotReady while the region has no room for another instance or its storage.
   */
  async restoreLike(
    settings: Settings | undefined,
    { id, snapshotId, tags }: Pick<RestoreOptions, 'id' | 'snapshotId' | 'tags'>,
  ): Promise<void> {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    try {
      await this.rds.send(
        new RestoreDBInstanceFromDBSnapshotCommand({ ...settings, DBInstanceIdentifier: id, DBSnapshotIdentifier: snapshotId, Tags }),
      );
    } catch (error) {
      if (NO_ROOM.some((fault) => error instanceof fault))
        throw new NotReady(`${id} waits for room: ${messageOf(error)}`, { cause: error });
      if (!(error instanceof DBInstanceAlreadyExistsFault)) throw error;
    }
  }

  /** Asks for its deletion, without a last snapshot: `gone`, `asked`, or `busy` with what RDS does to it now. */
  async remove(id: string): Promise<'gone' | 'asked' | 'busy'> {
    try {
      await this.rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: id, SkipFinalSnapshot: true, DeleteAutomatedBackups: true }));
      return 'asked';
    } catch (error) {
      if (error instanceof DBInstanceNotFoundFault) return 'gone';
      if (error instanceof InvalidDBInstanceStateFault) return 'busy';
      throw error;
    }
  }
}

const readInstance = (instance: DBInstance): Instance => ({
  id: instance.DBInstanceIdentifier ?? '',
  arn: instance.DBInstanceArn ?? '',
  status: instance.DBInstanceStatus ?? 'unknown',
  host: instance.Endpoint?.Address,
  port: instance.Endpoint?.Port,
  createdAt: instance.InstanceCreateTime?.toISOString(),
  tags: Object.fromEntries((instance.TagList ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
  settings: {
    DBInstanceClass: instance.DBInstanceClass,
    DBSubnetGroupName: instance.DBSubnetGroup?.DBSubnetGroupName,
    VpcSecurityGroupIds: instance.VpcSecurityGroups?.map(({ VpcSecurityGroupId }) => VpcSecurityGroupId!),
    DBParameterGroupName: instance.DBParameterGroups?.[0]?.DBParameterGroupName,
    OptionGroupName: instance.OptionGroupMemberships?.[0]?.OptionGroupName,
    MultiAZ: instance.MultiAZ,
    DeletionProtection: instance.DeletionProtection,
    EnableIAMDatabaseAuthentication: instance.IAMDatabaseAuthenticationEnabled,
    PubliclyAccessible: instance.PubliclyAccessible,
    AutoMinorVersionUpgrade: instance.AutoMinorVersionUpgrade,
    CopyTagsToSnapshot: instance.CopyTagsToSnapshot,
    StorageType: instance.StorageType,
    Port: instance.Endpoint?.Port,
  },
});
