import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type {
  CopyDBSnapshotMessage,
  CopyDBSnapshotResult,
  CreateDBSnapshotMessage,
  CreateDBSnapshotResult,
  DBSnapshot,
  DBSnapshotMessage,
  DeleteDBSnapshotMessage,
  DeleteDBSnapshotResult,
  DescribeDBSnapshotsMessage,
} from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';
import type { ControlPlane } from '../control-plane.ts';
import {
  invalidCombination,
  invalidSnapshotState,
  invalidValue,
  snapshotAlreadyExists,
  snapshotNotFound,
  snapshotQuotaExceeded,
} from '../errors.ts';
import { arn, identifier, parseReference } from '../names.ts';
import { page } from '../page.ts';
import type { Snapshot } from '../snapshot.ts';
import { addManual, finishing, newSnapshot, snapshotFile, takeSnapshot } from '../take-snapshot.ts';

export const snapshots: Actions = {
  CreateDBSnapshot: create,
  DescribeDBSnapshots: describeAll,
  CopyDBSnapshot: copy,
  DeleteDBSnapshot: remove,
};

function create({ control, region }: Call, input: CreateDBSnapshotMessage): CreateDBSnapshotResult {
  const database = control.getAvailable(region, input.DBInstanceIdentifier);
  const snapshot = newSnapshot(control, database, input.DBSnapshotIdentifier ?? '');
  for (const { Key, Value } of input.Tags ?? []) if (Key !== undefined) snapshot.tags.set(Key, Value ?? '');
  database.status = 'backing-up';
  control.begin(database, async () => {
    // A snapshot that fails says so itself; its instance is none the worse.
    await takeSnapshot(control, database, snapshot).catch((error: Error) => control.record(database, `Snapshot failed: ${error.message}`));
    database.status = 'available';
  });
  return { DBSnapshot: describe(control, snapshot) };
}

function describeAll({ control, region }: Call, input: DescribeDBSnapshotsMessage): DBSnapshotMessage {
  const { DBSnapshotIdentifier: name, DBInstanceIdentifier: instance, DbiResourceId: resource, SnapshotType: type } = input;
  const named = name ? [get(control, region, name)] : [...control.snapshots].filter((snapshot) => snapshot.region === region);
  const matching = named.filter(
    ({ origin }) =>
      (!instance || origin.DBInstanceIdentifier === parseReference(instance, 'db', region).name) &&
      (!resource || origin.DbiResourceId === resource) &&
      (!type || type === 'manual'),
  );
  const { items, marker } = page(matching, (snapshot) => snapshot.identifier, input);
  return { DBSnapshots: items.map((snapshot) => describe(control, snapshot)), Marker: marker };
}

/** Copies within a region or, by the source's ARN, from another one to the called one. */
async function copy({ control, region }: Call, input: CopyDBSnapshotMessage): Promise<CopyDBSnapshotResult> {
  const source = get(control, region, input.SourceDBSnapshotIdentifier ?? '');
  if (source.status !== 'available') throw invalidSnapshotState(`The snapshot ${source.identifier} is ${source.status}.`);
  const { StorageEncrypted } = source.attributes;
  if (StorageEncrypted && source.region !== region && !input.KmsKeyId) {
    throw invalidCombination('A copy of an encrypted snapshot to another Region needs a KmsKeyId of the destination Region.');
  }
  const name = identifier(input.TargetDBSnapshotIdentifier, 'TargetDBSnapshotIdentifier');
  const file = await snapshotFile(control, region, name);
  if (control.findSnapshot(region, name)) throw snapshotAlreadyExists(name);
  const key = input.KmsKeyId ? { KmsKeyId: input.KmsKeyId, StorageEncrypted: true } : {};
  const target: Snapshot = {
    ...source,
    file,
    region,
    copiedFrom: source.region,
    identifier: name,
    status: 'creating',
    percentProgress: 0,
    createdAt: undefined,
    attributes: { ...source.attributes, ...key },
    sourceArn: arn(source.region, control.options.accountId, 'snapshot', source.identifier),
    tags: new Map(input.CopyTags ? source.tags : []),
  };
  for (const { Key, Value } of input.Tags ?? []) if (Key !== undefined) target.tags.set(Key, Value ?? '');
  checkCopies(control, source, region);
  addManual(control, target);
  const queue = `${source.origin.DbiResourceId} to ${region}`;
  const copying = () => finishing(target, () => transfer(control, source, target));
  control.background.track(source.region === region ? copying() : control.copies.run(queue, copying));
  return { DBSnapshot: describe(control, target) };
}

/** Those that wait for an earlier one of the same instance count, too. */
function checkCopies(control: ControlPlane, source: Snapshot, region: string): void {
  const { copiesAtOnce } = control.quotas;
  const inProgress = [...control.snapshots].filter(
    ({ status, copiedFrom, region: to }) => status === 'creating' && to === region && copiedFrom !== undefined && copiedFrom !== region,
  );
  if (source.region === region || inProgress.length < copiesAtOnce) return;
  throw snapshotQuotaExceeded(`Cannot copy more than ${copiesAtOnce} snapshots across regions.`);
}

/** The bytes travel through the link between the regions: while that is cut, none does. */
async function transfer(control: ControlPlane, source: Snapshot, target: Snapshot): Promise<void> {
  await control.pause(target.region, control.durations.copySnapshot);
  await control.background.untilReachable(target.region, source.region);
  const file = await open(target.file, 'w', 0o600);
  try {
    for await (const chunk of createReadStream(source.file, { highWaterMark: 1 << 20 })) {
      await control.background.untilReachable(target.region, source.region);
      await file.write(chunk as Buffer);
    }
  } finally {
    await file.close();
  }
}

async function remove({ control, region }: Call, input: DeleteDBSnapshotMessage): Promise<DeleteDBSnapshotResult> {
  const snapshot = get(control, region, input.DBSnapshotIdentifier ?? '');
  if (snapshot.status === 'creating')
    throw invalidSnapshotState(`Cannot delete the snapshot because it is not currently in the available state.`);
  control.snapshots.delete(snapshot);
  await rm(snapshot.file, { force: true });
  return { DBSnapshot: { ...describe(control, snapshot), Status: 'deleted' } };
}

function get(control: ControlPlane, region: string, reference: string): Snapshot {
  if (!reference) throw invalidValue('A snapshot identifier is required.');
  const { region: where, name } = parseReference(reference, 'snapshot', region);
  const snapshot = control.findSnapshot(where, name);
  if (!snapshot) throw snapshotNotFound(name);
  return snapshot;
}

function describe(control: ControlPlane, snapshot: Snapshot): DBSnapshot {
  const { attributes, region, identifier: name } = snapshot;
  return {
    ...snapshot.origin,
    DBSnapshotIdentifier: name,
    DBSnapshotArn: arn(region, control.options.accountId, 'snapshot', name),
    Status: snapshot.status,
    PercentProgress: snapshot.percentProgress,
    SnapshotType: 'manual',
    SnapshotCreateTime: snapshot.createdAt,
    SourceDBSnapshotIdentifier: snapshot.sourceArn,
    SourceRegion: snapshot.sourceArn?.split(':')[3],
    Engine: attributes.Engine,
    EngineVersion: attributes.EngineVersion,
    AllocatedStorage: attributes.AllocatedStorage,
    AvailabilityZone: attributes.AvailabilityZone,
    MasterUsername: attributes.MasterUsername,
    StorageType: attributes.StorageType,
    Encrypted: attributes.StorageEncrypted,
    KmsKeyId: attributes.KmsKeyId,
    Port: snapshot.port,
    TagList: [...snapshot.tags].map(([Key, Value]) => ({ Key, Value })),
  };
}
