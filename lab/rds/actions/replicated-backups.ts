import path from 'node:path';
import type {
  StartDBInstanceAutomatedBackupsReplicationMessage,
  StartDBInstanceAutomatedBackupsReplicationResult,
  StopDBInstanceAutomatedBackupsReplicationMessage,
  StopDBInstanceAutomatedBackupsReplicationResult,
} from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';
import { AutomatedBackup } from '../automated-backup.ts';
import type { ControlPlane } from '../control-plane.ts';
import {
  automatedBackupNotFound,
  automatedBackupQuotaExceeded,
  invalidCombination,
  invalidInstanceState,
  invalidValue,
} from '../errors.ts';
import { describe } from './automated-backups.ts';

export const replicatedBackups: Actions = {
  StartDBInstanceAutomatedBackupsReplication: start,
  StopDBInstanceAutomatedBackupsReplication: stop,
};

const DEFAULT_RETENTION_DAYS = 7;

/** Called in the destination, as on AWS. */
async function start(
  { control, region }: Call,
  input: StartDBInstanceAutomatedBackupsReplicationMessage,
): Promise<StartDBInstanceAutomatedBackupsReplicationResult> {
  const source = control.get(region, input.SourceDBInstanceArn);
  if (source.region === region) throw invalidValue('The source DB instance is in the destination Region.');
  if (!source.backup) throw invalidInstanceState(`Automated backups are not enabled for ${source.identifier}.`);
  if (source.attributes.StorageEncrypted && !input.KmsKeyId) {
    throw invalidCombination('Replicated backups of an encrypted DB instance need a KmsKeyId of the destination Region.');
  }
  const here = [...control.automatedBackups].filter((backup) => backup.region === region && backup.replicaOf && !backup.retained);
  if (here.some(({ replicaOf }) => replicaOf?.backup === source.backup)) {
    throw invalidInstanceState(`Automated backups of ${source.identifier} are replicated to ${region} already.`);
  }
  if (here.length >= control.quotas.replicatedBackups) {
    throw automatedBackupQuotaExceeded(`Cannot replicate more than ${control.quotas.replicatedBackups} automated backups to a Region.`);
  }
  const copy = new AutomatedBackup(region, source, path.join(control.options.directory, region, 'automated-backups', source.resourceId));
  copy.replicaOf = {
    backup: source.backup,
    kmsKeyId: input.KmsKeyId,
    retentionDays: input.BackupRetentionPeriod ?? DEFAULT_RETENTION_DAYS,
  };
  control.automatedBackups.add(copy);
  control.background.track(replicate(control, copy, source.backup));
  return { DBInstanceAutomatedBackup: describe(control, copy) };
}

/** As long as there is something to copy from. What has arrived stays when it ends, or when the source's region is lost. */
async function replicate(control: ControlPlane, copy: AutomatedBackup, source: AutomatedBackup): Promise<void> {
  await copy.archive.create();
  const reachable = () => control.background.untilReachable(source.region, copy.region);
  while (!copy.closed && !source.closed) {
    await control.pause(copy.region, control.durations.replicateBackup);
    await reachable();
    if (!copy.closed && !source.closed) await copy.copyFrom(source, reachable);
  }
  copy.retained = true;
}

function stop(
  { control, region }: Call,
  input: StopDBInstanceAutomatedBackupsReplicationMessage,
): StopDBInstanceAutomatedBackupsReplicationResult {
  const source = control.get(region, input.SourceDBInstanceArn);
  const copy = [...control.automatedBackups].find(
    ({ region: where, replicaOf, database, retained }) => where === region && replicaOf && database === source && !retained,
  );
  if (!copy) throw automatedBackupNotFound(String(input.SourceDBInstanceArn));
  copy.closed = true;
  copy.retained = true;
  return { DBInstanceAutomatedBackup: describe(control, copy) };
}
