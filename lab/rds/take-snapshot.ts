import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { baseBackupAtServer } from '../postgres/base-backup.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Database } from './database.ts';
import { snapshotAlreadyExists, snapshotQuotaExceeded } from './errors.ts';
import { identifier } from './names.ts';
import type { Snapshot } from './snapshot.ts';

type Place = Pick<Snapshot, 'account' | 'region' | 'identifier'>;

/** Where a region keeps its snapshots, those of another account apart. */
export async function snapshotFile(control: ControlPlane, { account, region, identifier: name }: Place): Promise<string> {
  const folder = account === control.options.accountId ? 'snapshots' : `snapshots-${account}`;
  const directory = path.join(control.options.directory, region, folder);
  await mkdir(directory, { recursive: true, mode: 0o755 });
  return path.join(directory, `${name}.tar`);
}

/** Takes the name; the copy itself is `takeSnapshot`. */
export function newSnapshot(control: ControlPlane, database: Database, name: string): Snapshot {
  const snapshot: Snapshot = {
    region: database.region,
    account: control.options.accountId,
    sharedWith: new Set(),
    identifier: identifier(name, 'DBSnapshotIdentifier'),
    file: '',
    status: 'creating',
    percentProgress: 0,
    createdAt: undefined,
    takenAt: new Date(),
    attributes: { ...database.attributes },
    port: database.port,
    origin: { DBInstanceIdentifier: database.identifier, DbiResourceId: database.resourceId, InstanceCreateTime: database.createdAt },
    sourceArn: undefined,
    tags: new Map(database.attributes.CopyTagsToSnapshot ? database.tags : []),
  };
  if (control.findSnapshot(snapshot.region, snapshot.identifier, snapshot.account)) throw snapshotAlreadyExists(snapshot.identifier);
  addManual(control, snapshot);
  return snapshot;
}

/** One more manual snapshot in its region, if the quota lets it. */
export function addManual(control: ControlPlane, snapshot: Snapshot): void {
  const { manualSnapshots } = control.quotas;
  if (control.in(snapshot.region, control.snapshotsOf(snapshot.account)) >= manualSnapshots) {
    throw snapshotQuotaExceeded(`Cannot create more than ${manualSnapshots} manual snapshots.`);
  }
  control.snapshots.add(snapshot);
}

/** Copies the instance as it is now, while it serves on. */
export async function takeSnapshot(control: ControlPlane, database: Database, snapshot: Snapshot): Promise<void> {
  const { server } = database;
  await finishing(snapshot, async () => {
    await control.pause(database.region, control.durations.snapshot);
    snapshot.file = await snapshotFile(control, snapshot);
    // One without a server has nothing to copy: what is made of this snapshot will fail.
    if (database.listedOnly) return writeFile(snapshot.file, '', { mode: 0o600 });
    const source = { port: server.port, password: server.installation.password };
    const folder = path.join(server.directory, `snapshot-${randomBytes(4).toString('hex')}`);
    await rename(await baseBackupAtServer(source, folder), snapshot.file);
    await rm(folder, { recursive: true });
  });
}

/** A snapshot is available when what makes it has succeeded, and failed where that did not. */
export async function finishing(snapshot: Snapshot, make: () => Promise<void>): Promise<void> {
  try {
    await make();
    snapshot.createdAt = new Date();
    snapshot.percentProgress = 100;
    snapshot.status = 'available';
  } catch (error) {
    snapshot.status = 'failed';
    throw error;
  }
}
