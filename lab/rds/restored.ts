import type { DBInstance, RestoreDBInstanceFromDBSnapshotMessage, RestoreDBInstanceToPointInTimeMessage } from '@aws-sdk/client-rds';
import { given, withDefaults } from './attributes.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Attributes, Database } from './database.ts';
import { instanceAlreadyExists } from './errors.ts';
import { identifier } from './names.ts';

/**
 * What a restored instance takes over of its source: what belongs to the data, and when it is looked after. All else is RDS's default
 * unless it is named: security and parameter group, one zone, no protection, no IAM authentication, no monitoring, no exported logs, no tags. The option group stays (RDS user
 * guide, 'Restoring to a DB instance' and 'Restoring a DB instance to a specified time').
 */
const INHERITED = [
  'AllocatedStorage',
  'BackupRetentionPeriod',
  'DBInstanceClass',
  'DBName',
  'Engine',
  'EngineVersion',
  'Iops',
  'KmsKeyId',
  'LicenseModel',
  'MasterUsername',
  'NetworkType',
  'OptionGroupMemberships',
  'PreferredBackupWindow',
  'PreferredMaintenanceWindow',
  'StorageEncrypted',
  'StorageThroughput',
  'StorageType',
] as const satisfies (keyof DBInstance)[];

export interface Source {
  attributes: Attributes;
  port: number;
}

type Input = Omit<RestoreDBInstanceFromDBSnapshotMessage | RestoreDBInstanceToPointInTimeMessage, 'DBInstanceIdentifier'>;

/** A new instance in place of none, with what a restore leaves of its source's settings; its data is the caller's to bring. */
export function newRestored(control: ControlPlane, region: string, name: string | undefined, source: Source, input: Input): Database {
  const id = identifier(name, 'DBInstanceIdentifier');
  if (control.isTaken(region, id)) throw instanceAlreadyExists();
  const inherited = Object.fromEntries(
    INHERITED.flatMap((member) => (source.attributes[member] === undefined ? [] : [[member, source.attributes[member]]])),
  );
  const { DBInstanceClass, MasterUsername } = source.attributes;
  const settings = { ...inherited, MasterUsername, ...given(input), DBInstanceClass: input.DBInstanceClass ?? DBInstanceClass };
  const database = control.add(region, id, withDefaults(region, settings), input.Port ?? source.port);
  database.setTags(input.Tags);
  return database;
}
