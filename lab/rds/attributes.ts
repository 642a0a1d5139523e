import type { CreateDBInstanceMessage, DBInstance, VpcSecurityGroupMembership } from '@aws-sdk/client-rds';
import type { Attributes } from './database.ts';
import { invalidValue } from './errors.ts';

/** Settings that creations share and that are kept as they are given. */
const KEPT = [
  'AllocatedStorage',
  'AutoMinorVersionUpgrade',
  'AvailabilityZone',
  'BackupRetentionPeriod',
  'CACertificateIdentifier',
  'CopyTagsToSnapshot',
  'DBInstanceClass',
  'DeletionProtection',
  'EngineVersion',
  'Iops',
  'KmsKeyId',
  'LicenseModel',
  'MaxAllocatedStorage',
  'MonitoringInterval',
  'MonitoringRoleArn',
  'MultiAZ',
  'NetworkType',
  'PreferredBackupWindow',
  'PreferredMaintenanceWindow',
  'PubliclyAccessible',
  'StorageEncrypted',
  'StorageThroughput',
  'StorageType',
] as const;

/** The members that create, replicate and restore have in common. */
export type SettingsInput = Partial<
  Pick<
    CreateDBInstanceMessage,
    | (typeof KEPT)[number]
    | 'EnableIAMDatabaseAuthentication'
    | 'EnablePerformanceInsights'
    | 'EnableCloudwatchLogsExports'
    | 'VpcSecurityGroupIds'
    | 'DBSubnetGroupName'
    | 'DBParameterGroupName'
    | 'OptionGroupName'
  >
>;

/** What was given, under the names by which an instance is described. */
export function given(input: SettingsInput): DBInstance {
  const kept = Object.fromEntries(KEPT.flatMap((name) => (input[name] === undefined ? [] : [[name, input[name]]])));
  return {
    ...kept,
    ...(input.EnableIAMDatabaseAuthentication !== undefined && { IAMDatabaseAuthenticationEnabled: input.EnableIAMDatabaseAuthentication }),
    ...(input.EnablePerformanceInsights !== undefined && { PerformanceInsightsEnabled: input.EnablePerformanceInsights }),
    ...(input.EnableCloudwatchLogsExports && { EnabledCloudwatchLogsExports: input.EnableCloudwatchLogsExports }),
    ...(input.VpcSecurityGroupIds && { VpcSecurityGroups: membership(input.VpcSecurityGroupIds) }),
    ...(input.DBSubnetGroupName && { DBSubnetGroup: { DBSubnetGroupName: input.DBSubnetGroupName, SubnetGroupStatus: 'Complete' } }),
    ...(input.DBParameterGroupName && { DBParameterGroups: parameterGroup(input.DBParameterGroupName, 'in-sync') }),
    ...(input.OptionGroupName && { OptionGroupMemberships: optionGroup(input.OptionGroupName) }),
  };
}

/** A change of the group is `pending-reboot` until the server has restarted. */
export const parameterGroup = (DBParameterGroupName: string, ParameterApplyStatus: 'in-sync' | 'pending-reboot') => [
  { DBParameterGroupName, ParameterApplyStatus },
];

const optionGroup = (OptionGroupName: string) => [{ OptionGroupName, Status: 'in-sync' }];

export const membership = (ids: readonly string[]): VpcSecurityGroupMembership[] =>
  ids.map((VpcSecurityGroupId) => ({ VpcSecurityGroupId, Status: 'active' }));

/** Settings with RDS's defaults under them. */
export function withDefaults(region: string, settings: DBInstance & Pick<Attributes, 'DBInstanceClass' | 'MasterUsername'>): Attributes {
  const attributes = {
    AutoMinorVersionUpgrade: true,
    AvailabilityZone: `${region}a`,
    BackupRetentionPeriod: 1,
    CACertificateIdentifier: 'rds-ca-rsa2048-g1',
    CopyTagsToSnapshot: false,
    DBParameterGroups: parameterGroup('default.postgres18', 'in-sync'),
    DBSubnetGroup: { DBSubnetGroupName: 'default', SubnetGroupStatus: 'Complete' },
    DeletionProtection: false,
    Engine: 'postgres',
    EngineVersion: '18.4',
    IAMDatabaseAuthenticationEnabled: false,
    LicenseModel: 'postgresql-license',
    MonitoringInterval: 0,
    MultiAZ: false,
    NetworkType: 'IPV4',
    OptionGroupMemberships: optionGroup('default:postgres-18'),
    PerformanceInsightsEnabled: false,
    PreferredBackupWindow: '03:00-03:30',
    PreferredMaintenanceWindow: 'sun:04:00-sun:04:30',
    PubliclyAccessible: false,
    StorageEncrypted: false,
    StorageType: 'gp3',
    VpcSecurityGroups: membership(['sg-default']),
    ...settings,
  };
  if (attributes.BackupRetentionPeriod < 0 || attributes.BackupRetentionPeriod > 35) {
    throw invalidValue(`Invalid backup retention period: ${attributes.BackupRetentionPeriod}. Must be between 0 and 35.`);
  }
  if (!attributes.MultiAZ) return attributes;
  return { ...attributes, SecondaryAvailabilityZone: attributes.SecondaryAvailabilityZone ?? `${region}b` };
}
