import { DeleteDBSnapshotCommand, DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import type { Region } from '../../../types.ts';
import type { Drill } from '../../drill.ts';
import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { BackupView } from '../../recovery-points.ts';
import type { Scenario } from '../../scenario.ts';
import { copyBack, VaultPeople } from '../../vault.ts';

const ENVIRONMENT = 'demo-copies';
const RUN_WITHIN_MS = 240_000;
const HOUR_MS = 3_600_000;

export const ransomwareDelete: Scenario = {
  name: 'ransomware-delete',
  title: 'An intruder deletes every snapshot of the account, in both regions',
  story:
    'Three recovery points exist. An intruder deletes every snapshot of the primary region: the copies in the recovery region are proven, and the next ' +
    "backup, which also goes to the vault's account, prunes none of them. Then he deletes every snapshot of both regions. The vault's copy is beyond his " +
    'reach; its people share it back, it is copied to where it was, proven by a restore, and restored.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    const away = new Machines(drill, drill.recovery);
    const people = new VaultPeople(drill);
    await people.deploy();
    await oneRegionIsLost(drill, view, home, away);
    const id = await everythingIsLost(drill, view, people);
    await succeeds(away, 'verify-backup', { recoveryPoint: id });
    const restored = await succeeds(away, 'restore', {
      workload: 'orders',
      target: { recoveryPoint: id },
      reason: 'all snapshots are gone',
    });
    drill.note(`restored from the vault's copy as ${String(restored.endpoint)}`);
    home.close();
    away.close();
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};

const oneRegionIsLost = async (drill: Drill, view: BackupView, home: Machines, away: Machines): Promise<void> => {
  // So old that age alone would let the first two go.
  for (const hoursAgo of [24 * 20, 24 * 10, 1]) {
    await succeeds(home, 'backup', { dueAt: new Date(Date.now() - hoursAgo * HOUR_MS).toISOString() });
  }
  const before = (await view.snapshots(drill.recovery)).length;
  await drill.mend('Every snapshot of the primary region is deleted', () => deleteAll(view, drill.primary));
  for (const { id } of await view.points()) await succeeds(away, 'verify-backup', { recoveryPoint: id });
  await succeeds(home, 'backup', { tier: 'weekly' });
  const after = (await view.snapshots(drill.recovery)).length;
  drill.note(`copies in ${drill.recovery}: ${before} before the deletion, ${after} after it and another backup`);
  // The oldest may go, by its age: two newer ones are proven since, and stay.
  if (before !== 3 || after < 3) throw new Error(`${before} copies before, ${after} after`);
};

/** Returns the recovery point that came back. */
const everythingIsLost = async (drill: Drill, view: BackupView, people: VaultPeople): Promise<string> => {
  const { recovery } = drill;
  const [kept, ...more] = await people.snapshots(recovery);
  const { account } = drill.lab.vault;
  const [point] = await view.points();
  if (!kept || !point || more.length > 0 || point.vault?.arn !== kept.DBSnapshotArn)
    throw new Error(`the vault keeps ${more.length + (kept ? 1 : 0)} copies; the ledger knows ${JSON.stringify(point?.vault)}`);
  await drill.mend('Every snapshot of the account is deleted, in both regions', async () => {
    await Promise.all([drill.primary, recovery].map((region) => deleteAll(view, region)));
    const reached = await view.rds(recovery, (rds) =>
      rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: kept.DBSnapshotArn })).then(
        () => true,
        () => false,
      ),
    );
    if (reached) throw new Error(`a caller of the workload's account deleted the copy in account ${account}`);
  });
  const left = (await Promise.all([drill.primary, recovery].map((region) => view.snapshots(region)))).flat().length;
  if (left > 0 || (await people.snapshots(recovery)).length !== 1) throw new Error(`${left} snapshots are left in the workload's account`);
  const own = point.copies[0]!.arn.split(':')[4]!;
  await people.shareBack(recovery, kept, own);
  const shared = await view.rds(recovery, (rds) => rds.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'shared' })));
  drill.note(`the vault in account ${account} kept ${kept.DBSnapshotIdentifier}; shared back: ${shared.DBSnapshots?.length}`);
  await copyBack(view, recovery, kept, `alias/lifeboat-${ENVIRONMENT}`);
  return point.id;
};

const succeeds = async (machines: Machines, machine: string, input: object): Promise<Record<string, unknown>> => {
  const { status, output, cause } = await machines.run(machine, input, RUN_WITHIN_MS);
  if (status !== 'SUCCEEDED') throw new Error(`${machine} with ${JSON.stringify(input)} is ${status}: ${cause}`);
  return output;
};

const deleteAll = async (view: BackupView, region: Region): Promise<void> => {
  for (const { DBSnapshotIdentifier } of await view.snapshots(region))
    await view.rds(region, (rds) => rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier })));
};
