import type {
  DeleteDBInstanceMessage,
  DeleteDBInstanceResult,
  RebootDBInstanceMessage,
  RebootDBInstanceResult,
  StartDBInstanceMessage,
  StartDBInstanceResult,
  StopDBInstanceMessage,
  StopDBInstanceResult,
} from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';
import { parameterGroup } from '../attributes.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Database } from '../database.ts';
import { describe } from '../describe.ts';
import { invalidCombination, invalidInstanceState } from '../errors.ts';
import { endBackups } from '../keep-backups.ts';
import { newSnapshot, takeSnapshot } from '../take-snapshot.ts';
import { makeStandalone } from './read-replicas.ts';

export const lifecycle: Actions = { RebootDBInstance: reboot, StopDBInstance: stop, StartDBInstance: start, DeleteDBInstance: remove };

async function reboot({ control, region }: Call, input: RebootDBInstanceMessage): Promise<RebootDBInstanceResult> {
  const database = control.getAvailable(region, input.DBInstanceIdentifier);
  if (input.ForceFailover && !database.attributes.MultiAZ) {
    throw invalidCombination('MultiAZ failover cannot be forced for a DB instance that is not MultiAZ.');
  }
  database.status = 'rebooting';
  control.begin(database, async () => {
    if (input.ForceFailover) await failOver(database);
    else await control.bringDown(database);
    await control.pause(region, control.durations.reboot);
    await control.bringUp(database);
    const group = database.attributes.DBParameterGroups?.[0]?.DBParameterGroupName;
    if (group) database.attributes.DBParameterGroups = parameterGroup(group, 'in-sync');
    database.status = 'available';
    control.record(database, input.ForceFailover ? 'Multi-AZ instance failover completed' : 'DB instance restarted');
  });
  return { DBInstance: await describe(control, database) };
}

/** The standby in the other zone has every acknowledged write, as the killed server's own files have. */
async function failOver(database: Database): Promise<void> {
  await database.exclusive(() => database.server.crash());
  const { AvailabilityZone, SecondaryAvailabilityZone } = database.attributes;
  Object.assign(database.attributes, { AvailabilityZone: SecondaryAvailabilityZone, SecondaryAvailabilityZone: AvailabilityZone });
}

async function stop({ control, region }: Call, input: StopDBInstanceMessage): Promise<StopDBInstanceResult> {
  const database = control.getAvailable(region, input.DBInstanceIdentifier);
  if (database.source) throw invalidInstanceState('Cannot stop or start a read replica instance');
  if (control.replicasOf(database).length > 0) throw invalidInstanceState('Cannot stop or start instances with read replicas');
  const snapshot = input.DBSnapshotIdentifier ? newSnapshot(control, database, input.DBSnapshotIdentifier) : undefined;
  database.status = 'stopping';
  control.begin(database, async () => {
    if (snapshot) await takeSnapshot(control, database, snapshot);
    await control.pause(region, control.durations.stop);
    await control.bringDown(database);
    database.status = 'stopped';
    control.record(database, 'DB instance stopped');
  });
  return { DBInstance: await describe(control, database) };
}

async function start({ control, region }: Call, input: StartDBInstanceMessage): Promise<StartDBInstanceResult> {
  const database = control.get(region, input.DBInstanceIdentifier);
  if (database.status !== 'stopped') {
    throw invalidInstanceState(
      `Instance ${database.identifier} cannot be started as it is not in one of the following statuses: 'stopped'.`,
    );
  }
  database.status = 'starting';
  control.begin(database, async () => {
    await control.pause(region, control.durations.start);
    await control.bringUp(database);
    database.status = 'available';
    control.record(database, 'DB instance started');
  });
  return { DBInstance: await describe(control, database) };
}

async function remove({ control, region }: Call, input: DeleteDBInstanceMessage): Promise<DeleteDBInstanceResult> {
  const database = control.get(region, input.DBInstanceIdentifier);
  if (database.status === 'deleting') throw invalidInstanceState(`Instance ${database.identifier} is already being deleted.`);
  if (database.busy) throw invalidInstanceState(`Instance ${database.identifier} is currently ${database.status}, it cannot be deleted.`);
  if (database.attributes.DeletionProtection) {
    throw invalidCombination('Cannot delete protected DB Instance, please disable deletion protection and try again.');
  }
  const final = finalSnapshot(control, database, input);
  database.status = 'deleting';
  control.begin(database, async () => {
    if (final) await takeSnapshot(control, database, final);
    await control.pause(region, control.durations.delete);
    await discard(control, database, input.DeleteAutomatedBackups === false);
  });
  return { DBInstance: await describe(control, database) };
}

function finalSnapshot(control: ControlPlane, database: Database, input: DeleteDBInstanceMessage) {
  const { SkipFinalSnapshot: skip, FinalDBSnapshotIdentifier: name } = input;
  if (skip && name) throw invalidCombination('FinalDBSnapshotIdentifier cannot be specified when SkipFinalSnapshot is true.');
  if (skip) return undefined;
  if (!name) throw invalidCombination('FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.');
  if (database.source) throw invalidCombination('FinalDBSnapshotIdentifier can not be specified when deleting a replica instance');
  if (!database.server.running && !database.listedOnly)
    throw invalidInstanceState(`Instance ${database.identifier} is ${database.status}: no final snapshot can be taken.`);
  return newSnapshot(control, database, name);
}

/** Replicas in the region become independent; those in other regions stay as they are, with nothing to replicate from. */
async function discard(control: ControlPlane, database: Database, retainBackups: boolean): Promise<void> {
  control.endpoints.withdraw(database);
  await database.exclusive(async () => {
    database.shouldRun = false;
    database.deleted = true;
    await database.server.remove();
  });
  await endBackups(control, database, retainBackups);
  control.databases.delete(database);
  control.record(database, 'DB instance deleted');
  for (const replica of control.replicasOf(database)) {
    if (replica.region === database.region && !replica.busy) control.begin(replica, () => makeStandalone(control, replica, 1));
  }
  const { source } = database;
  if (source) control.background.track(control.dropOrphanedSlots(source));
}
