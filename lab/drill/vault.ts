import {
  CopyDBSnapshotCommand,
  type DBSnapshot,
  DescribeDBSnapshotsCommand,
  ModifyDBSnapshotAttributeCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import type { Region } from '../types.ts';
import type { Drill } from './drill.ts';
import { until } from './patience.ts';
import { asPerson } from './person.ts';
import type { BackupView } from './recovery-points.ts';

const COPIED_WITHIN_MS = 60_000;

/** The people of the account that keeps copies of backups, with RDS's API and their own credentials. */
export class VaultPeople {
  constructor(private readonly drill: Drill) {}

  /** They deploy their side once. */
  async deploy(): Promise<void> {
    const { lab, environment, parts } = this.drill;
    parts.progress.phase('The vault deploys its side');
    await lab.deployVault((text) => parts.progress.say(text), parts.signal, environment);
  }

  /** What their account has of its own. */
  async snapshots(region: Region): Promise<DBSnapshot[]> {
    return this.rds(region, async (rds) => (await rds.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'manual' }))).DBSnapshots ?? []);
  }

  /** They let the account that has lost its own copy this one: `docs/runbook.md`, 'Bring back from the vault'. */
  async shareBack(region: Region, snapshot: DBSnapshot, account: string): Promise<void> {
    const share = { DBSnapshotIdentifier: snapshot.DBSnapshotIdentifier, AttributeName: 'restore', ValuesToAdd: [account] };
    await this.rds(region, (rds) => rds.send(new ModifyDBSnapshotAttributeCommand(share)));
  }

  private async rds<T>(region: Region, work: (rds: RDSClient) => Promise<T>): Promise<T> {
    const { lab } = this.drill;
    const rds = new RDSClient(asPerson(lab, region, { credentials: lab.vault.credentials }));
    return work(rds).finally(() => rds.destroy());
  }
}

/** A person of the workload's account copies what the vault has shared to where it was: same name, same tags, Lifeboat's key there. */
export async function copyBack(view: BackupView, region: Region, kept: DBSnapshot, key: string): Promise<void> {
  const { DBSnapshotArn: source, DBSnapshotIdentifier: name, TagList: Tags } = kept;
  const copy = { SourceDBSnapshotIdentifier: source, TargetDBSnapshotIdentifier: name, KmsKeyId: key, Tags };
  await view.rds(region, (rds) => rds.send(new CopyDBSnapshotCommand(copy)));
  const isThere = async () =>
    (await view.snapshots(region)).some((one) => one.DBSnapshotIdentifier === name && one.Status === 'available') || undefined;
  await until(`a copy of ${name} that is back`, isThere, COPIED_WITHIN_MS);
}
