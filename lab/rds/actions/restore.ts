import type {
  RestoreDBInstanceFromDBSnapshotMessage,
  RestoreDBInstanceFromDBSnapshotResult,
  RestoreDBInstanceToPointInTimeMessage,
  RestoreDBInstanceToPointInTimeResult,
} from '@aws-sdk/client-rds';
import { removeStandbySignal } from '../../postgres/configuration.ts';
import { recoverTo } from '../../postgres/recovery.ts';
import type { Actions, Call } from '../action.ts';
import type { AutomatedBackup } from '../automated-backup.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Database } from '../database.ts';
import { describe } from '../describe.ts';
import { invalidCombination, invalidSnapshotState, invalidValue, snapshotNotFound } from '../errors.ts';
import { findSource } from '../find-backup.ts';
import { readableSnapshot } from '../find-snapshot.ts';
import { openBackup } from '../keep-backups.ts';
import { newRestored, type Source } from '../restored.ts';
import { finishCreation } from './create-instance.ts';

export const restore: Actions = { RestoreDBInstanceFromDBSnapshot: fromSnapshot, RestoreDBInstanceToPointInTime: toPointInTime };

async function fromSnapshot(call: Call, input: RestoreDBInstanceFromDBSnapshotMessage): Promise<RestoreDBInstanceFromDBSnapshotResult> {
  const { control, region } = call;
  const snapshot = readableSnapshot(call, input.DBSnapshotIdentifier);
  if (snapshot.region !== region) throw snapshotNotFound(snapshot.identifier);
  if (snapshot.status !== 'available') throw invalidSnapshotState(`The snapshot ${snapshot.identifier} is ${snapshot.status}.`);
  if (snapshot.account !== call.account && snapshot.attributes.StorageEncrypted) {
    throw invalidSnapshotState(`${snapshot.identifier} is encrypted and shared by another account: copy it, and restore the copy.`);
  }
  const database = newRestored(control, region, input.DBInstanceIdentifier, snapshot, input);
  control.begin(database, () => build(control, database, snapshot.file));
  return { DBInstance: await describe(control, database) };
}

async function toPointInTime(
  { control, region }: Call,
  input: RestoreDBInstanceToPointInTimeMessage,
): Promise<RestoreDBInstanceToPointInTimeResult> {
  const backup = findSource(control, region, input);
  const moment = momentOf(backup, input);
  // A moment in the window always has a base.
  const { file } = backup.baseFor(moment)!;
  const database = newRestored(control, region, input.TargetDBInstanceIdentifier, sourceOf(backup), input);
  const replay = () => recoverTo(database.server, backup.archive, moment);
  control.begin(database, () => build(control, database, file, replay), 'incompatible-restore');
  return { DBInstance: await describe(control, database) };
}

/** A replicated backup is encrypted with a key of its own region. */
function sourceOf({ database, replicaOf }: AutomatedBackup): Source {
  const { attributes, port } = database;
  if (!replicaOf) return { attributes, port };
  return { attributes: { ...attributes, KmsKeyId: replicaOf.kmsKeyId, BackupRetentionPeriod: replicaOf.retentionDays }, port };
}

function momentOf({ earliestTime, latestTime }: AutomatedBackup, input: RestoreDBInstanceToPointInTimeMessage): Date {
  const { RestoreTime: time, UseLatestRestorableTime: latest = false } = input;
  if (latest === (time !== undefined)) {
    throw invalidCombination('Exactly one of RestoreTime and UseLatestRestorableTime must be specified.');
  }
  if (!earliestTime || !latestTime) throw invalidValue('The instance has no restorable time yet.');
  const moment = time ?? latestTime;
  if (Number.isNaN(moment.getTime())) throw invalidValue('RestoreTime is no time.');
  const bound = (limit: Date, side: string) =>
    invalidValue(`The specified instance cannot be restored to a time ${side} than ${limit.toISOString()}: ${moment.toISOString()}.`);
  if (moment < earliestTime) throw bound(earliestTime, 'earlier');
  if (moment > latestTime) throw bound(latestTime, 'later');
  return moment;
}

async function build(control: ControlPlane, database: Database, tar: string, replay?: () => Promise<void>): Promise<void> {
  await control.pass(database, 'creating', control.durations.restore);
  await control.onServer(database, async () => {
    await database.server.unpack(tar);
    // A copy of a replica would start as one, of an instance that it has nothing to do with.
    await removeStandbySignal(database.server.dataDirectory);
    await replay?.();
  });
  await openBackup(control, database);
  await control.bringUp(database);
  await finishCreation(control, database);
}
