import type { DBInstance, ModifyDBInstanceCommandInput, RestoreDBInstanceFromDBSnapshotCommandInput } from '@aws-sdk/client-rds';

/** What a restore can be told at once, under the names that it is told by. */
type Given = Pick<
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
  | 'CACertificateIdentifier'
  | 'EnableCloudwatchLogsExports'
>;

/** What can only be put back afterwards, or only where it differs: RDS refuses the figures of small gp3 volumes, even its own. */
type PutBack = Pick<
  ModifyDBInstanceCommandInput,
  | 'BackupRetentionPeriod'
  | 'PreferredBackupWindow'
  | 'PreferredMaintenanceWindow'
  | 'MonitoringInterval'
  | 'MonitoringRoleArn'
  | 'EnablePerformanceInsights'
  | 'PerformanceInsightsKMSKeyId'
  | 'PerformanceInsightsRetentionPeriod'
  | 'MaxAllocatedStorage'
  | 'Iops'
  | 'StorageThroughput'
>;

/** What belongs to an instance and not to its data: a restore loses it unless it is named. AWS, RDS user guide, 'Restoring from a DB snapshot', 2026-11. */
export type Settings = Given & PutBack;
type Name = keyof Settings;

const AFTERWARDS: ReadonlySet<Name> = new Set<Name>([
  'BackupRetentionPeriod',
  'PreferredBackupWindow',
  'PreferredMaintenanceWindow',
  'MonitoringInterval',
  'MonitoringRoleArn',
  'EnablePerformanceInsights',
  'PerformanceInsightsKMSKeyId',
  'PerformanceInsightsRetentionPeriod',
  'MaxAllocatedStorage',
  'Iops',
  'StorageThroughput',
]);
/** Storage types whose Iops a restore must be told. */
const PROVISIONED = /^io[12]$/;

/** An instance's settings, lists in a fixed order. */
export const readSettings = (instance: DBInstance): Settings => ({
  DBInstanceClass: instance.DBInstanceClass,
  DBSubnetGroupName: instance.DBSubnetGroup?.DBSubnetGroupName,
  VpcSecurityGroupIds: instance.VpcSecurityGroups?.map(({ VpcSecurityGroupId }) => VpcSecurityGroupId!).sort(),
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
  CACertificateIdentifier: instance.CACertificateIdentifier,
  EnableCloudwatchLogsExports: [...(instance.EnabledCloudwatchLogsExports ?? [])].sort(),
  BackupRetentionPeriod: instance.BackupRetentionPeriod,
  PreferredBackupWindow: instance.PreferredBackupWindow,
  PreferredMaintenanceWindow: instance.PreferredMaintenanceWindow,
  MonitoringInterval: instance.MonitoringInterval ?? 0,
  MonitoringRoleArn: instance.MonitoringRoleArn,
  EnablePerformanceInsights: instance.PerformanceInsightsEnabled ?? false,
  PerformanceInsightsKMSKeyId: instance.PerformanceInsightsKMSKeyId,
  PerformanceInsightsRetentionPeriod: instance.PerformanceInsightsRetentionPeriod,
  MaxAllocatedStorage: instance.MaxAllocatedStorage,
  Iops: instance.Iops,
  StorageThroughput: instance.StorageThroughput,
});

/** What of the settings a restore is told. */
export const givenToRestore = (settings: Settings | undefined): Given & Pick<PutBack, 'Iops'> =>
  Object.fromEntries(
    Object.entries(settings ?? {}).filter(
      ([name, value]) =>
        value !== undefined &&
        (!AFTERWARDS.has(name as Name) || (name === 'Iops' && PROVISIONED.test(settings?.StorageType ?? ''))) &&
        !(Array.isArray(value) && value.length === 0),
    ),
  );

/** RDS refuses these of a PostgreSQL replica that is being made. AWS, RDS API reference, `CreateDBInstanceReadReplica`, 2026-11. */
const NOT_GIVEN_TO_REPLICA: ReadonlySet<string> = new Set<Name>(['DBParameterGroupName', 'OptionGroupName']);

/** What of the settings a replica is told from the start. */
export const givenToReplica = (settings: Settings | undefined): Partial<Settings> =>
  Object.fromEntries(Object.entries(givenToRestore(settings)).filter(([name]) => !NOT_GIVEN_TO_REPLICA.has(name)));

/** Backups are a writer's: a promotion asks for them. */
const WRITERS_OWN: ReadonlySet<Name> = new Set<Name>(['BackupRetentionPeriod', 'PreferredBackupWindow']);

/** The change that gives a replica what it could not be told, the parameter group first and by itself; nothing where it lacks none. */
export const changeToReplica = (wanted: Settings, found: Settings): Partial<ModifyDBInstanceCommandInput> | undefined => {
  const { DBParameterGroupName } = wanted;
  if (DBParameterGroupName && DBParameterGroupName !== found.DBParameterGroupName) return { DBParameterGroupName };
  const rest = [...AFTERWARDS].filter((name) => !WRITERS_OWN.has(name));
  return changeTo(Object.fromEntries(rest.map((name) => [name, wanted[name]])) as Settings, found);
};

/** Names of the settings in which two instances differ; where there is nothing to compare with, that is said. */
export const differences = (wanted: Settings | undefined, found: Settings): string[] => {
  if (!wanted) return ['there is no instance in this site to compare with'];
  return (Object.keys(wanted) as Name[]).filter((name) => JSON.stringify(wanted[name]) !== JSON.stringify(found[name]));
};

/** The change that makes an instance's settings what they were; nothing where no change can, or none is needed. */
export const changeTo = (wanted: Settings, found: Settings): Partial<ModifyDBInstanceCommandInput> | undefined => {
  const names = (differences(wanted, found) as Name[]).filter((name) => wanted[name] !== undefined);
  if (names.length === 0) return undefined;
  const { Port, EnableCloudwatchLogsExports: logs, ...rest } = Object.fromEntries(names.map((name) => [name, wanted[name]])) as Settings;
  return {
    ...rest,
    // A role without an interval, or an interval without its role, is refused.
    ...(names.some((name) => name.startsWith('Monitoring')) && {
      MonitoringInterval: wanted.MonitoringInterval,
      MonitoringRoleArn: wanted.MonitoringRoleArn,
    }),
    ...(Port !== undefined && { DBPortNumber: Port }),
    ...(logs && {
      CloudwatchLogsExportConfiguration: {
        EnableLogTypes: logs.filter((type) => !found.EnableCloudwatchLogsExports?.includes(type)),
        DisableLogTypes: found.EnableCloudwatchLogsExports?.filter((type) => !logs.includes(type)),
      },
    }),
  };
};

/** Tags that are the instance's own: not AWS's, and not those by which Lifeboat knows its work. */
export const ownTags = (tags: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => !/^(aws|lifeboat):/.test(key)));

/** Tags that an instance lacks, or has with another value. */
export const missingTags = (wanted: Record<string, string>, found: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(ownTags(wanted)).filter(([key, value]) => found[key] !== value));
