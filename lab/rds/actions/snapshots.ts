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
import { invalidCombination, invalidSnapshotState, snapshotAlreadyExists, snapshotQuotaExceeded } from '../errors.ts';
import { isSharedWith, ownSnapshot, readableSnapshot } from '../find-snapshot.ts';
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
  return { DBSnapshot: describe(snapshot) };
}

function describeAll(call: Call, input: DescribeDBSnapshotsMessage): DBSnapshotMessage {
  const { region } = call;
  const { DBSnapshotIdentifier: name, DBInstanceIdentifier: instance, DbiResourceId: resource } = input;
  const named = name ? [readableSnapshot(call, name)] : listed(call, input);
  const matching = named.filter(
    ({ origin }) =>
      (!instance || origin.DBInstanceIdentifier === parseReference(instance, 'db', region).name) &&
      (!resource || origin.DbiResourceId === resource),
  );
  const { items, marker } = page(matching, ({ account, identifier: id }) => (account === call.account ? id : `${account}:${id}`), input);
  return { DBSnapshots: items.map((snapshot) => describeTo(call.account, snapshot)), Marker: marker };
}

/** What others share is in a list only where it is asked for; `IncludeShared` says nothing beside a type. */
function listed({ control, region, account }: Call, { SnapshotType: type, IncludeShared: shared }: DescribeDBSnapshotsMessage): Snapshot[] {
  const own = type === undefined || type === 'manual' ? control.snapshotsOf(account) : [];
  const others =
    type === 'shared' || (type === undefined && shared) ? [...control.snapshots].filter((one) => isSharedWith(account, one)) : [];
  return [...own, ...others].filter((snapshot) => snapshot.region === region);
}

/** Another account's snapshot goes by its ARN, and its tags stay with its owner. */
function describeTo(account: string, snapshot: Snapshot): DBSnapshot {
  const described = describe(snapshot);
  if (snapshot.account === account) return described;
  return { ...described, DBSnapshotIdentifier: described.DBSnapshotArn, TagList: [] };
}

/** Copies within a region or, by the source's ARN, from another one to the called one, and what another account shares. */
async function copy(call: Call, input: CopyDBSnapshotMessage): Promise<CopyDBSnapshotResult> {
  const { control, region, account } = call;
  const source = readableSnapshot(call, input.SourceDBSnapshotIdentifier);
  const isOwn = source.account === account;
  if (source.status !== 'available') throw invalidSnapshotState(`The snapshot ${source.identifier} is ${source.status}.`);
  const { StorageEncrypted } = source.attributes;
  if (StorageEncrypted && source.region !== region && !input.KmsKeyId) {
    throw invalidCombination('A copy of an encrypted snapshot to another Region needs a KmsKeyId of the destination Region.');
  }
  if (StorageEncrypted && !isOwn && !input.KmsKeyId) {
    throw invalidCombination('A copy of an encrypted snapshot of another account needs a KmsKeyId of the own account.');
  }
  const name = identifier(input.TargetDBSnapshotIdentifier, 'TargetDBSnapshotIdentifier');
  const file = await snapshotFile(control, { account, region, identifier: name });
  if (control.findSnapshot(region, name, account)) throw snapshotAlreadyExists(name);
  const key = input.KmsKeyId ? { KmsKeyId: input.KmsKeyId, StorageEncrypted: true } : {};
  const target: Snapshot = {
    ...source,
    file,
    region,
    account,
    sharedWith: new Set(),
    copiedFrom: source.region,
    identifier: name,
    status: 'creating',
    percentProgress: 0,
    createdAt: undefined,
    attributes: { ...source.attributes, ...key },
    sourceArn: arn(source.region, source.account, 'snapshot', source.identifier),
    tags: new Map(input.CopyTags && isOwn ? source.tags : []),
  };
  for (const { Key, Value } of input.Tags ?? []) if (Key !== undefined) target.tags.set(Key, Value ?? '');
  checkCopies(call, source);
  addManual(control, target);
  const queue = `${source.origin.DbiResourceId} to ${region}`;
  const copying = () => finishing(target, () => transfer(control, source, target));
  control.background.track(source.region === region ? copying() : control.copies.run(queue, copying));
  return { DBSnapshot: describe(target) };
}

/** Those that wait for an earlier one of the same instance count, too. */
function checkCopies({ control, region, account }: Call, source: Snapshot): void {
  const { copiesAtOnce } = control.quotas;
  const inProgress = control
    .snapshotsOf(account)
    .filter(
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

async function remove(call: Call, input: DeleteDBSnapshotMessage): Promise<DeleteDBSnapshotResult> {
  const { control } = call;
  const snapshot = ownSnapshot(call, input.DBSnapshotIdentifier);
  if (snapshot.status === 'creating')
    throw invalidSnapshotState(`Cannot delete the snapshot because it is not currently in the available state.`);
  control.snapshots.delete(snapshot);
  await rm(snapshot.file, { force: true });
  return { DBSnapshot: { ...describe(snapshot), Status: 'deleted' } };
}

function describe(snapshot: Snapshot): DBSnapshot {
  const { account, attributes, region, identifier: name } = snapshot;
  return {
    ...snapshot.origin,
    DBSnapshotIdentifier: name,
    DBSnapshotArn: arn(region, account, 'snapshot', name),
    Status: snapshot.status,
    PercentProgress: snapshot.percentProgress,
    SnapshotType: 'manual',
    SnapshotCreateTime: snapshot.createdAt,
    OriginalSnapshotCreateTime: snapshot.takenAt,
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
