import {
  AddTagsToResourceCommand,
  type DBInstance,
  DBInstanceAlreadyExistsFault,
  DBInstanceNotFoundFault,
  DeleteDBInstanceCommand,
  InstanceQuotaExceededFault,
  InsufficientDBInstanceCapacityFault,
  InvalidDBInstanceStateFault,
  InvalidVPCNetworkStateFault,
  ModifyDBInstanceCommand,
  type ModifyDBInstanceCommandInput,
  paginateDescribeDBInstances,
  RDSClient,
  RDSServiceException,
  RestoreDBInstanceFromDBSnapshotCommand,
  RestoreDBInstanceToPointInTimeCommand,
  StorageQuotaExceededFault,
} from '@aws-sdk/client-rds'; // prettier-ignore
import { guarded, localCalls } from '../kit/clients.ts';
import { classify, messageOf, NotReady, Transient } from '../kit/errors.ts';
import { givenToRestore, readSettings, type Settings } from './rds-settings.ts';

export { differences, type Settings } from './rds-settings.ts';

export interface Instance {
  id: string;
  arn: string;
  status: string;
  host?: string;
  port?: number;
  createdAt?: string;
  vpcId?: string;
  /** The writer that it replicates from: an identifier, or the ARN of one in another region. */
  replicaOf?: string;
  /** How far a restore to a moment can reach; nothing where no backups are kept. ISO 8601 UTC. */
  restorableUntil?: string;
  tags: Record<string, string>;
  settings: Settings;
}

export interface RestoreOptions {
  id: string;
  snapshotId: string;
  dbSubnetGroup: string;
  securityGroupIds: string[];
  instanceClass?: string;
  tags: Record<string, string>;
}

/** Whose log is replayed: that of an instance of this region, or that which RDS has brought here. */
export type MomentSource = { id: string } | { backupArn: string };

/** Statuses from which no waiting helps. AWS, RDS user guide, 'Viewing DB instance status', 2026-11. */
export const HOPELESS = new Set([
  'failed',
  'inaccessible-encryption-credentials',
  'incompatible-network',
  'incompatible-option-group',
  'incompatible-parameters',
  'incompatible-restore',
  'insufficient-capacity',
  'restore-error',
  'storage-full',
]);

/** Room that others may give back, or AWS may find: what needs it asks again. */
const NO_ROOM = [InstanceQuotaExceededFault, StorageQuotaExceededFault, InsufficientDBInstanceCapacityFault];

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

  /** Into a place of its own, for a while, without backups: the first would begin at once and may take hours. */
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
    await this.fromSnapshot({ ...givenToRestore(settings), BackupRetentionPeriod: 0 }, { id, snapshotId, tags });
  }

  /**
   * With the settings that are given. One that is there already is the one that was asked for: its name is this run's alone.
   * @throws NotReady while the region has no room for another instance or its storage.
   */
  async restoreLike(settings: Settings | undefined, what: Pick<RestoreOptions, 'id' | 'snapshotId' | 'tags'>): Promise<void> {
    await this.fromSnapshot(givenToRestore(settings), what);
  }

  /** As `restoreLike`, to a moment: of an instance that is there, from its backups and its log, or of one that stands elsewhere, from what came here of them. */
  async restoreToMoment(
    settings: Settings | undefined,
    { id, source, moment, tags }: { id: string; source: MomentSource; moment: string; tags: Record<string, string> },
  ): Promise<void> {
    const named = 'id' in source ? { SourceDBInstanceIdentifier: source.id } : { SourceDBInstanceAutomatedBackupsArn: source.backupArn };
    const what = { ...named, RestoreTime: new Date(moment), TargetDBInstanceIdentifier: id };
    const command = { ...givenToRestore(settings), ...what, Tags: tagList(tags) };
    await unlessThere(id, this.rds.send(new RestoreDBInstanceToPointInTimeCommand(command)));
  }

  /** Changes an instance at once. @throws NotReady while RDS does something else to it. */
  async modify(id: string, change: Partial<ModifyDBInstanceCommandInput>): Promise<void> {
    try {
      await this.rds.send(new ModifyDBInstanceCommand({ ...change, DBInstanceIdentifier: id, ApplyImmediately: true }));
    } catch (error) {
      if (error instanceof InvalidDBInstanceStateFault) throw new NotReady(`${id} is busy`, { cause: error });
      throw error;
    }
  }

  async tag(arn: string, tags: Record<string, string>): Promise<void> {
    await this.rds.send(new AddTagsToResourceCommand({ ResourceName: arn, Tags: tagList(tags) }));
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

  private async fromSnapshot(given: Settings, { id, snapshotId, tags }: Pick<RestoreOptions, 'id' | 'snapshotId' | 'tags'>): Promise<void> {
    const command = { ...given, DBInstanceIdentifier: id, DBSnapshotIdentifier: snapshotId, Tags: tagList(tags) };
    await unlessThere(id, this.rds.send(new RestoreDBInstanceFromDBSnapshotCommand(command)));
  }
}

/** RDS has understood a change and does not make it: to the same question it gives the same answer. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof RDSServiceException && !(error instanceof DBInstanceNotFoundFault) && !(classify(error) instanceof Transient);

/** What RDS says, among other things, to a move between two subnet groups of one VPC. */
export const isRefusedMove = (error: unknown): boolean => error instanceof InvalidVPCNetworkStateFault;

const readInstance = (instance: DBInstance): Instance => ({
  id: instance.DBInstanceIdentifier ?? '',
  arn: instance.DBInstanceArn ?? '',
  status: instance.DBInstanceStatus ?? 'unknown',
  host: instance.Endpoint?.Address,
  port: instance.Endpoint?.Port,
  createdAt: instance.InstanceCreateTime?.toISOString(),
  vpcId: instance.DBSubnetGroup?.VpcId,
  replicaOf: instance.ReadReplicaSourceDBInstanceIdentifier,
  restorableUntil: instance.LatestRestorableTime?.toISOString(),
  tags: Object.fromEntries((instance.TagList ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
  settings: readSettings(instance),
});

const tagList = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** @throws NotReady while a quota or AWS's own capacity leaves no room. */
const unlessThere = async (id: string, request: Promise<unknown>): Promise<void> => {
  try {
    await request;
  } catch (error) {
    if (NO_ROOM.some((fault) => error instanceof fault)) throw new NotReady(`${id} waits for room: ${messageOf(error)}`, { cause: error });
    if (!(error instanceof DBInstanceAlreadyExistsFault)) throw error;
  }
};
