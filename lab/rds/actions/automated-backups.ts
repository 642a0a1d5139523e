import type {
  DBInstanceAutomatedBackup,
  DBInstanceAutomatedBackupMessage,
  DeleteDBInstanceAutomatedBackupMessage,
  DeleteDBInstanceAutomatedBackupResult,
  DescribeDBInstanceAutomatedBackupsMessage,
  Filter,
} from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';
import type { AutomatedBackup } from '../automated-backup.ts';
import type { ControlPlane } from '../control-plane.ts';
import { automatedBackupNotFound, invalidAutomatedBackupState, invalidValue } from '../errors.ts';
import { backupArn, findBackups } from '../find-backup.ts';
import { discardBackup } from '../keep-backups.ts';
import { page } from '../page.ts';

export const automatedBackups: Actions = {
  DescribeDBInstanceAutomatedBackups: describeAll,
  DeleteDBInstanceAutomatedBackup: remove,
};

function describeAll({ control, region }: Call, input: DescribeDBInstanceAutomatedBackupsMessage): DBInstanceAutomatedBackupMessage {
  const found = findBackups(control, region, input);
  const named = input.DbiResourceId ?? input.DBInstanceAutomatedBackupsArn ?? input.DBInstanceIdentifier;
  if (named && found.length === 0) throw automatedBackupNotFound(named);
  const matching = found.filter((backup) => (input.Filters ?? []).every((filter) => matches(backup, filter)));
  const { items, marker } = page(matching, (backup) => backup.id, input);
  return { DBInstanceAutomatedBackups: items.map((backup) => describe(control, backup)), Marker: marker };
}

function matches({ status, database }: AutomatedBackup, { Name, Values = [] }: Filter): boolean {
  switch (Name) {
    case 'status':
      return Values.includes(status);
    case 'db-instance-id':
      return Values.some((value) => value.split(':').at(-1) === database.identifier);
    case 'dbi-resource-id':
      return Values.includes(database.resourceId);
    default:
      throw invalidValue(`Unrecognized filter name: ${Name}`);
  }
}

/** Only what outlived its instance can be deleted by itself. */
async function remove(
  { control, region }: Call,
  input: DeleteDBInstanceAutomatedBackupMessage,
): Promise<DeleteDBInstanceAutomatedBackupResult> {
  const { DbiResourceId, DBInstanceAutomatedBackupsArn } = input;
  if (!DbiResourceId && !DBInstanceAutomatedBackupsArn) throw invalidValue('DbiResourceId or DBInstanceAutomatedBackupsArn is required.');
  const [backup] = findBackups(control, region, { DbiResourceId, DBInstanceAutomatedBackupsArn });
  if (!backup) throw automatedBackupNotFound(String(DbiResourceId ?? DBInstanceAutomatedBackupsArn));
  if (backup.status !== 'retained') throw invalidAutomatedBackupState(`The automated backup is ${backup.status}, not retained.`);
  await discardBackup(control, backup);
  return { DBInstanceAutomatedBackup: { ...describe(control, backup), Status: 'deleting' } };
}

const copiesOf = (control: ControlPlane, backup: AutomatedBackup) =>
  [...control.automatedBackups]
    .filter(({ replicaOf, retained }) => replicaOf?.backup === backup && !retained)
    .map((copy) => ({ DBInstanceAutomatedBackupsArn: backupArn(control, copy) }));

export function describe(control: ControlPlane, backup: AutomatedBackup): DBInstanceAutomatedBackup {
  const { database } = backup;
  const { attributes } = database;
  const { AllocatedStorage, AvailabilityZone, Engine, EngineVersion, LicenseModel, MasterUsername } = attributes;
  const { StorageType, Iops, KmsKeyId, PreferredBackupWindow, BackupRetentionPeriod } = attributes;
  const settings = { AllocatedStorage, AvailabilityZone, Engine, EngineVersion, LicenseModel, MasterUsername };
  const { earliestTime: EarliestTime, latestTime: LatestTime } = backup;
  return {
    ...settings,
    ...{ StorageType, Iops, KmsKeyId, PreferredBackupWindow, BackupRetentionPeriod },
    ...(backup.replicaOf && { KmsKeyId: backup.replicaOf.kmsKeyId, BackupRetentionPeriod: backup.replicaOf.retentionDays }),
    Encrypted: attributes.StorageEncrypted,
    IAMDatabaseAuthenticationEnabled: attributes.IAMDatabaseAuthenticationEnabled,
    DBInstanceArn: control.arn(database),
    DBInstanceIdentifier: database.identifier,
    DbiResourceId: database.resourceId,
    InstanceCreateTime: database.createdAt,
    Port: database.port,
    Region: database.region,
    DBInstanceAutomatedBackupsArn: backupArn(control, backup),
    Status: backup.status,
    RestoreWindow: { EarliestTime, LatestTime },
    BackupTarget: 'region',
    DBInstanceAutomatedBackupsReplications: copiesOf(control, backup),
    TagList: database.tagList,
  };
}
