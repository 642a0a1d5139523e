import type { DescribeDBInstanceAutomatedBackupsMessage, RestoreDBInstanceToPointInTimeMessage } from '@aws-sdk/client-rds';
import type { Region } from '../types.ts';
import type { AutomatedBackup } from './automated-backup.ts';
import type { ControlPlane } from './control-plane.ts';
import { automatedBackupNotFound, invalidCombination, pointInTimeRestoreNotEnabled } from './errors.ts';
import { arn } from './names.ts';

export const backupArn = (control: ControlPlane, backup: AutomatedBackup): string =>
  arn(backup.region, control.options.accountId, 'auto-backup', backup.id);

type Names = Pick<DescribeDBInstanceAutomatedBackupsMessage, 'DBInstanceAutomatedBackupsArn' | 'DbiResourceId' | 'DBInstanceIdentifier'>;

/** A region's backups that these names, of those that are given, name. */
export function findBackups(control: ControlPlane, region: Region, names: Names): AutomatedBackup[] {
  const { DBInstanceAutomatedBackupsArn: ofBackup, DbiResourceId: ofResource, DBInstanceIdentifier: ofInstance } = names;
  return [...control.automatedBackups].filter(
    (backup) =>
      backup.region === region &&
      (!ofBackup || backupArn(control, backup) === ofBackup) &&
      (!ofResource || backup.database.resourceId === ofResource) &&
      (!ofInstance || backup.database.identifier === ofInstance.toLowerCase()),
  );
}

/** What a point-in-time restore is to be made of. */
export function findSource(control: ControlPlane, region: Region, input: RestoreDBInstanceToPointInTimeMessage): AutomatedBackup {
  const { SourceDBInstanceIdentifier: name, SourceDbiResourceId: resource, SourceDBInstanceAutomatedBackupsArn: backup } = input;
  if ([name, resource, backup].filter(Boolean).length !== 1) {
    throw invalidCombination(
      'Exactly one of SourceDBInstanceIdentifier, SourceDbiResourceId and SourceDBInstanceAutomatedBackupsArn must be specified.',
    );
  }
  if (name) {
    const database = control.get(region, name);
    if (database.region === region && database.backup) return database.backup;
    throw pointInTimeRestoreNotEnabled(name);
  }
  const [found] = findBackups(control, region, { DbiResourceId: resource, DBInstanceAutomatedBackupsArn: backup });
  if (!found) throw automatedBackupNotFound(String(resource ?? backup));
  return found;
}
