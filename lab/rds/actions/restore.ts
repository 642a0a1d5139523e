import type { RestoreDBInstanceFromDBSnapshotMessage, RestoreDBInstanceFromDBSnapshotResult } from '@aws-sdk/client-rds';
import { removeStandbySignal } from '../../postgres/configuration.ts';
import type { Actions, Call } from '../action.ts';
import { given, withDefaults } from '../attributes.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Database } from '../database.ts';
import { describe } from '../describe.ts';
import { instanceAlreadyExists, invalidSnapshotState, snapshotNotFound } from '../errors.ts';
import { identifier, parseReference } from '../names.ts';
import type { Snapshot } from '../snapshot.ts';
import { finishCreation } from './create-instance.ts';

export const restore: Actions = { RestoreDBInstanceFromDBSnapshot: fromSnapshot };

async function fromSnapshot(
  { control, region }: Call,
  input: RestoreDBInstanceFromDBSnapshotMessage,
): Promise<RestoreDBInstanceFromDBSnapshotResult> {
  const name = identifier(input.DBInstanceIdentifier, 'DBInstanceIdentifier');
  const reference = parseReference(input.DBSnapshotIdentifier ?? '', 'snapshot', region);
  const snapshot = control.findSnapshot(region, reference.name);
  if (!snapshot || reference.region !== region) throw snapshotNotFound(reference.name);
  if (snapshot.status !== 'available') throw invalidSnapshotState(`The snapshot ${snapshot.identifier} is ${snapshot.status}.`);
  if (control.isTaken(region, name)) throw instanceAlreadyExists();
  const database = newDatabase(control, region, name, snapshot, input);
  control.begin(database, () => build(control, database, snapshot));
  return { DBInstance: await describe(control, database) };
}

/** What belongs to the place, not to the data, is not inherited. */
function newDatabase(
  control: ControlPlane,
  region: string,
  name: string,
  snapshot: Snapshot,
  input: RestoreDBInstanceFromDBSnapshotMessage,
): Database {
  const { AvailabilityZone: _zone, SecondaryAvailabilityZone: _other, VpcSecurityGroups: _groups, ...inherited } = snapshot.attributes;
  const own = { MultiAZ: false, DeletionProtection: false, ...given(input) };
  const settings = { ...inherited, ...own, DBInstanceClass: input.DBInstanceClass ?? inherited.DBInstanceClass };
  const database = control.add(region, name, withDefaults(region, settings), input.Port ?? snapshot.port);
  database.setTags(input.Tags);
  return database;
}

async function build(control: ControlPlane, database: Database, snapshot: Snapshot): Promise<void> {
  await control.pass(database, 'creating', control.durations.restore);
  await database.exclusive(async () => {
    await database.server.unpack(snapshot.file);
    // A snapshot of a replica would start as one, of an instance that it has nothing to do with.
    await removeStandbySignal(database.server.dataDirectory);
  });
  await control.bringUp(database);
  await finishCreation(control, database);
}
