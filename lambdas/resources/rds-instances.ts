import {
  type DBInstance,
  DBInstanceAlreadyExistsFault,
  DBInstanceNotFoundFault,
  DeleteDBInstanceCommand,
  InvalidDBInstanceStateFault,
  paginateDescribeDBInstances,
  RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds'; // prettier-ignore
import { guarded, localCalls } from '../kit/clients.ts';

export interface Instance {
  id: string;
  arn: string;
  status: string;
  host?: string;
  port?: number;
  createdAt?: string;
  tags: Record<string, string>;
}

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

  /** A copy that is there already is the one that was asked for: its name is this run's alone. */
  async restore({ id, snapshotId, dbSubnetGroup, securityGroupIds, instanceClass, tags }: RestoreOptions): Promise<void> {
    try {
      await this.rds.send(
        new RestoreDBInstanceFromDBSnapshotCommand({
          DBInstanceIdentifier: id,
          DBSnapshotIdentifier: snapshotId,
          DBInstanceClass: instanceClass,
          DBSubnetGroupName: dbSubnetGroup,
          VpcSecurityGroupIds: securityGroupIds,
          PubliclyAccessible: false,
          MultiAZ: false,
          DeletionProtection: false,
          AutoMinorVersionUpgrade: false,
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        }),
      );
    } catch (error) {
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
});
